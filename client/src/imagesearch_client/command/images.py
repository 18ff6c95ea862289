"""`imagesearch images`: add, list, show, change and delete single pictures."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from imagesearch_client.command.answers import json_option
from imagesearch_client.command.facts import facts_option
from imagesearch_client.command.output import print_facts, print_json, print_table, printable
from imagesearch_client.command.pairs import read_json_object, read_pairs
from imagesearch_client.command.root import Session
from imagesearch_client.requests import KEEP


@click.group()
def images() -> None:
    """Work with single pictures."""


@images.command()
@click.argument("image_id", type=int)
@click.option("--collection", default="default", show_default=True)
@json_option
@click.pass_obj
def show(session: Session, image_id: int, collection: str, as_json: bool) -> None:
    """Show what is known of one picture."""
    image = session.client.image(collection, image_id)
    if as_json:
        session.answers.print()
    else:
        print_facts(image)


@images.command(name="list")
@click.option("--collection", default="default", show_default=True)
@click.option("--partition", help="Only pictures of this user, tenant or album.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@json_option
@click.pass_obj
def list_images(session: Session, collection: str, partition: str | None, limit: int, as_json: bool) -> None:
    """List indexed pictures by id."""
    found = islice(session.client.images(collection, partition=partition), limit)
    if as_json:
        session.answers.print_each(found)
        return
    rows = [(image.id, image.partition, image.width, image.height, image.path) for image in found]
    print_table(session.console, ("id", "partition", "width", "height", "path"), rows)


@images.command()
@click.argument(
    "pictures",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
)
@click.option("--collection", default="default", show_default=True)
@click.option("--partition", help="User, tenant or album that these pictures belong to.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="For every picture; may be repeated.")
@facts_option
@click.option("--key", help="Your own id of the picture, where there is one alone.")
@json_option
@click.pass_obj
def add(
    session: Session,
    /,
    *,
    pictures: tuple[Path, ...],
    collection: str,
    partition: str | None,
    metadata: tuple[str, ...],
    facts: tuple[str, ...],
    key: str | None,
    as_json: bool,
) -> None:
    """Upload PICTURES; each is searchable when its line is printed."""
    if key is not None and len(pictures) > 1:
        raise click.UsageError("--key is one picture's; name them one by one")
    labels = read_pairs(metadata, "--metadata") or None
    for picture in pictures:
        written = session.client.add_image(
            collection, picture, partition=partition, metadata=labels, key=key, facts=facts
        )
        state = "is searchable" if written.searchable_at else f"will be searchable soon: job {written.job}"
        session.tell(f"Image {written.image.id} {state}: {printable(picture)}", as_json)


@images.command()
@click.argument("image_id", type=int)
@click.option("--collection", default="default", show_default=True)
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Set this; null removes the key.")
@click.option("--clear", is_flag=True, help="Remove all metadata.")
@click.option("--partition", help="Move it to this partition.")
@json_option
@click.pass_obj
def change(
    session: Session,
    /,
    *,
    image_id: int,
    collection: str,
    metadata: tuple[str, ...],
    clear: bool,
    partition: str | None,
    as_json: bool,
) -> None:
    """Change the metadata or the partition of one picture."""
    if clear and metadata:
        raise click.UsageError("either --clear or --metadata")
    if not clear and not metadata and partition is None:
        raise click.UsageError("name what changes: --metadata, --clear or --partition")
    merged = None if clear else read_pairs(metadata, "--metadata") if metadata else KEEP
    written = session.client.change_image(collection, image_id, metadata=merged, partition=partition)
    if as_json:
        session.answers.print()
    else:
        print_facts(written.image)


@images.command()
@click.argument("image_ids", nargs=-1, type=int)
@click.option("--collection", default="default", show_default=True)
@click.option("--path", "paths", multiple=True, help="By path, as the server sees it; may be repeated.")
@click.option("--key", "keys", multiple=True, help="By your own id; may be repeated.")
@click.option("--filter", "filter_text", metavar="JSON", help="All whose metadata matches.")
@click.option("--partition", help="All of this partition, or those of it that match.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting by filter or partition.")
@click.option("--dry-run", is_flag=True, help="Only tell how many there are.")
@json_option
@click.pass_obj
def delete(
    session: Session,
    /,
    *,
    image_ids: tuple[int, ...],
    collection: str,
    paths: tuple[str, ...],
    keys: tuple[str, ...],
    filter_text: str | None,
    partition: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete pictures from a collection; their files stay, unless they were uploaded."""
    condition = read_json_object(filter_text, "--filter")
    by_condition = condition is not None or (partition is not None and not keys)
    if bool(image_ids) + bool(paths) + bool(keys) + by_condition != 1:
        raise click.UsageError("name ids, or --path, or --key, or --filter and --partition")
    if len(image_ids) == 1 and not dry_run and not as_json:
        session.client.delete_image(collection, image_ids[0])
        click.echo(f"Image {image_ids[0]} is deleted from {collection}.")
        return
    if by_condition and not yes and not dry_run:
        click.confirm(f"Delete every picture of {collection} that matches?", abort=True)
    done = session.client.delete_images(
        collection,
        ids=image_ids or None,
        paths=paths or None,
        keys=keys or None,
        filter=condition,
        partition=partition,
        dry_run=dry_run,
    )
    if as_json:
        print_json({"deleted": done.deleted, "missing": list(done.missing)})
        return
    click.echo(f"{done.deleted} images {'would be' if dry_run else 'are'} deleted from {collection}.")
    for missing in done.missing:
        click.echo(f"Not there: {printable(missing)}", err=True)


@images.command()
@click.argument("image_id", type=int)
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--size", type=click.IntRange(64, 512), default=256, show_default=True, help="Pixels.")
@click.pass_obj
def thumbnail(session: Session, image_id: int, output: Path, size: int) -> None:
    """Write a small version of one picture to OUTPUT, as a JPEG."""
    output.write_bytes(session.client.thumbnail(image_id, size))
