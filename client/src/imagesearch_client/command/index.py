"""`imagesearch index`: submit a directory or a list of paths, and see it through."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

import click

from imagesearch_client.command import watching
from imagesearch_client.command.answers import json_option
from imagesearch_client.command.facts import facts_option
from imagesearch_client.command.follow import follow
from imagesearch_client.command.pairs import read_pairs
from imagesearch_client.command.root import Session
from imagesearch_client.folder_watch import Followed
from imagesearch_client.sources import Manifest


@click.command()
@click.argument("directory", required=False)
@click.option(
    "--list", "listing", type=click.File(encoding="utf-8"), help="A file with a path per line; - for stdin."
)
@click.option("--manifest", help="A .jsonl or .csv file, as the server sees it: path, partition, metadata.")
@click.option("--collection", default="default", show_default=True)
@click.option("--partition", help="User, tenant or album that these pictures belong to.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="For every picture; may be repeated.")
@click.option("--recursive/--no-recursive", default=True, show_default=True, help="Go into subdirectories.")
@click.option("--prune", is_flag=True, help="Remove pictures from the collection whose files are gone.")
@facts_option
@click.option(
    "--metadata-from-path",
    metavar="RULE",
    help="Metadata from each path beneath DIRECTORY, like {year:int}/{event}/{name}; {key} gives it its own id.",
)
@click.option("--callback-url", help="Where the API tells over https that the job has ended.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Show progress until the job ends.")
@click.option("--watch", is_flag=True, help="Go on: index what comes and changes, remove what goes, until Ctrl-C.")
@click.option("--seen-as", metavar="PATH", help="With --watch: where the server sees DIRECTORY, if not there.")
@click.option(
    "--poll", is_flag=True, help="With --watch: look at every file, where the file system tells nothing."
)
@click.option(
    "--whole-every",
    type=click.FloatRange(min=0),
    default=24,
    show_default=True,
    metavar="HOURS",
    help="With --watch: look at all of it again after so many, 0 for never.",
)
@json_option
@click.pass_obj
def index(
    session: Session,
    /,
    *,
    directory: str | None,
    listing: TextIO | None,
    manifest: str | None,
    wait: bool,
    as_json: bool,
    metadata: tuple[str, ...],
    watch: bool,
    seen_as: str | None,
    poll: bool,
    whole_every: float,
    **options: Any,
) -> None:
    """Index the pictures of DIRECTORY, as the server sees it.

    With --watch it is a directory of this machine, which the server sees as well.

    Exits with 0 when all of it worked, 2 when some pictures failed, 1 when the job failed or was
    cancelled, 64 when the command line is wrong.
    """
    if sum(given is not None for given in (directory, listing, manifest)) != 1:
        raise click.UsageError("name a DIRECTORY, or a file of paths with --list, or a --manifest")
    labels = read_pairs(metadata, "--metadata")
    if watch:
        followed = _followed(directory, seen_as, labels, wait, options)
        watching.run(session, followed, poll=poll, whole_hours=whole_every, as_json=as_json)
        return
    if seen_as is not None or poll:
        raise click.UsageError("--seen-as and --poll go with --watch")
    source: str | list[str] | Manifest
    if manifest is not None:
        source = Manifest(_server_path(manifest))
    else:
        source = _paths(listing) if listing is not None else _server_path(directory or "")
    job = session.client.submit_job(source, metadata=labels, **options)
    follow(session, job, wait=wait, as_json=as_json)


def _followed(
    directory: str | None, seen_as: str | None, labels: dict[str, Any], wait: bool, options: dict[str, Any]
) -> Followed:
    """Return the folder to follow. Raises UsageError where an option is given that is for single jobs."""
    if directory is None or not wait or not options["recursive"]:
        raise click.UsageError("--watch goes with a DIRECTORY, and without --no-wait and --no-recursive")
    if options["callback_url"] is not None or options["metadata_from_path"] is not None:
        raise click.UsageError("--callback-url and --metadata-from-path go with a single job, without --watch")
    return watching.followed_folder(
        directory,
        seen_as,
        collection=options["collection"],
        partition=options["partition"],
        metadata=labels,
        facts=options["facts"],
    )


def _paths(listing: TextIO) -> list[str]:
    try:
        lines = [line.rstrip("\n") for line in listing]
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"it is not UTF-8 text: {error.reason}", param_hint="--list") from None
    paths = [_server_path(line) for line in lines if line]
    if not paths:
        raise click.BadParameter("it names no path", param_hint="--list")
    return paths


def _server_path(path: str) -> str:
    """Make a path absolute, for the server runs elsewhere; whether it exists is the server's to say."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise click.BadParameter(f"{path!r} is not valid UTF-8", param_hint="DIRECTORY") from None
    return str(Path(path).absolute())
