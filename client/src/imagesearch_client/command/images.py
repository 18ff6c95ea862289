"""`imagesearch images`: single pictures, by id."""

from __future__ import annotations

import click

from imagesearch_client.command.output import print_facts, print_json
from imagesearch_client.command.root import Session


@click.group()
def images() -> None:
    """Work with single pictures."""


@images.command()
@click.argument("image_id", type=int)
@click.option("--collection", default="default", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(session: Session, image_id: int, collection: str, as_json: bool) -> None:
    """Show what is known of one picture."""
    image = session.client.image(collection, image_id)
    if as_json:
        print_json(image)
    else:
        print_facts(image)


@images.command()
@click.argument("image_id", type=int)
@click.option("--collection", default="default", show_default=True)
@click.pass_obj
def delete(session: Session, image_id: int, collection: str) -> None:
    """Delete one picture from a collection; its file stays."""
    session.client.delete_image(collection, image_id)
    click.echo(f"Image {image_id} is deleted from {collection}.")
