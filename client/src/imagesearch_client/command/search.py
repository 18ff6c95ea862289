"""`imagesearch search`: which indexed pictures look like this one?"""

from __future__ import annotations

from pathlib import Path

import click

from imagesearch_client.command.output import print_json, print_table
from imagesearch_client.command.root import Session


@click.command()
@click.argument("picture", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--collection", default="default", show_default=True)
@click.option("--top-k", type=click.IntRange(1, 16384), default=10, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@click.pass_obj
def search(session: Session, picture: Path, collection: str, top_k: int, as_json: bool) -> None:
    """Print the indexed pictures that look most like PICTURE, nearest first.

    The distance is 1 - cosine, in 0..1: smaller is more similar.
    """
    found = session.client.search(collection, picture, top_k)
    if as_json:
        print_json(found)
        return
    rows = [(f"{result.distance:.6f}", result.path) for result in found.results]
    print_table(session.console, ("distance", "path"), rows)
