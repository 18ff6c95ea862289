"""`imagesearch upload`: send the pictures that lie on this machine, each content once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict

import click

from imagesearch_client.command.exits import DONE, INTERRUPTED, SOME_FAILED
from imagesearch_client.command.many_searches import named
from imagesearch_client.command.output import print_json
from imagesearch_client.command.pairs import read_pairs
from imagesearch_client.command.root import Session
from imagesearch_client.command.upload_display import UploadDisplay
from imagesearch_client.folder_upload import FolderUpload, Labels, Stop, Walk

PATIENCE_SECONDS = 600.0
"""What was begun is worth more waiting than a question; --patience says otherwise."""
UPLOADS_OFF = "the API takes no uploads; its operator switches them on with UPLOAD_ROOT or UPLOADS_URL"


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, allow_dash=True))
@click.option("--collection", default="default", show_default=True)
@click.option("--partition", help="User, tenant or album that these pictures belong to.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="For every picture; may be repeated.")
@click.option("--name-in", metavar="FIELD", help="Keep each file's path below PATH in this field of its metadata.")
@click.option("--include", multiple=True, metavar="GLOB", help="Send only such names; may be repeated.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Send no such names; may be repeated.")
@click.option("--follow-links", is_flag=True, help="Go behind symbolic links, which are left out otherwise.")
@click.option("--parallel", type=click.IntRange(1, 32), default=4, show_default=True, help="Files sent at once.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each file.")
@click.pass_obj
def upload(
    session: Session,
    /,
    *,
    paths: tuple[str, ...],
    collection: str,
    partition: str | None,
    metadata: tuple[str, ...],
    name_in: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    follow_links: bool,
    parallel: int,
    as_json: bool,
) -> None:
    """Send the pictures below PATH, which lie on this machine; - reads a path per line from stdin.

    What has been uploaded to the collection and partition before is known by its content and left as it is, so
    running it again goes on where it stopped, and sends nothing when nothing is new. Hidden files are left out.

    Exits with 0 when every file is there, 2 when some failed, 1 when it stopped early, 64 when the command line
    is wrong.
    """
    labels = Labels(collection, partition, read_pairs(metadata, "--metadata") or None, name_in)
    walk = Walk(named(paths), include=include, exclude=exclude, follow_links=follow_links)
    stop = Stop()
    with (
        UploadDisplay(session.errors, walk) as display,
        session.patient_client(PATIENCE_SECONDS, stop.pause, display.show_pause) as client,
    ):
        known = client.info().everything
        if not known.get("takes_uploads", True):
            raise click.ClickException(UPLOADS_OFF)
        sending = FolderUpload(
            client, labels, max_bytes=known.get("max_upload_bytes"), parallel=parallel, stop=stop
        )
        is_whole = False
        try:
            with closing(sending.run(walk)) as deliveries:
                for delivery in deliveries:
                    display.show(delivery)
                    if as_json:
                        print_json(asdict(delivery))
            is_whole = True
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        finally:
            display.report(is_whole=is_whole, to_stderr=as_json)
    raise click.exceptions.Exit(SOME_FAILED if display.tally.failed else DONE)
