"""Where a similarity comes from, as a command writes it to a file and prints it."""

from __future__ import annotations

from pathlib import Path

import click

from imagesearch_client.errors import ProtocolError
from imagesearch_client.explanations import Regions, png_of

PICTURES = frozenset({"picture", "overlay"})
"""Fields of an explanation that hold a PNG."""

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


def without_pictures(answer: object) -> object:
    """Return an answer without the pictures of its explanations, which are megabytes of text."""
    if isinstance(answer, dict):
        return {name: without_pictures(value) for name, value in answer.items() if name not in PICTURES}
    if isinstance(answer, list):
        return [without_pictures(value) for value in answer]
    return answer
