"""Where a similarity comes from, as a command writes it to a file and prints it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from imagesearch_client.errors import ProtocolError
from imagesearch_client.explanations import Regions, png_of

explain_option = click.option(
    "--explain",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE.png",
    help="Write a picture of both that shows where the similarity comes from.",
)


def write_explanation(regions: Regions | None, file: Path) -> None:
    """Write the drawn explanation of an answer.

    Raises:
        ClickException: the file cannot be written.
        ProtocolError: there is none in the answer.
    """
    if regions is None or regions.picture is None:
        raise ProtocolError("the API explains nothing; it may be an older one")
    try:
        file.write_bytes(png_of(regions.picture))
    except OSError as error:
        raise click.FileError(str(file), error.strerror or str(error)) from error


def regions_as_json(regions: Regions) -> dict[str, Any]:
    """Return an explanation without its pictures."""
    facts = asdict(regions)
    del facts["picture"], facts["a"]["overlay"], facts["b"]["overlay"]
    return facts
