"""A contact sheet: what was searched by, and what was found, with rank, distance and path, in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagesearch_client.blocking.client import Client
from imagesearch_client.command.output import printable
from imagesearch_client.errors import ApiError
from imagesearch_client.queries import Query
from imagesearch_client.results import Result

if TYPE_CHECKING:
    from types import ModuleType

MAX_ON_SHEET = 100
"""Results that are drawn: each is a request for its thumbnail, and a part of a picture that people look at."""
AT_ONCE = 4
ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp"})


def check_sheet(file: Path, results: int) -> None:
    """Check before a search that its results can be drawn.

    Raises:
        UsageError: there are too many, or the file's name ends otherwise than a picture's.
        ClickException: Pillow is not installed.
    """
    if results > MAX_ON_SHEET:
        raise click.UsageError(f"--save draws up to {MAX_ON_SHEET} results")
    if file.suffix.lower() not in ENDINGS:
        raise click.BadParameter(f"a name that ends with {', '.join(sorted(ENDINGS))}", param_hint="--save")
    _drawing()


def save_sheet(client: Client, file: Path, sought: str | Query, results: Sequence[Result]) -> None:
    """Draw a contact sheet into a file.

    Raises:
        FileError: it cannot be written.
        ClientError: the API is away, or refuses more than single thumbnails.
    """
    drawing = _drawing()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        pictures = list(threads.map(lambda result: _thumbnail(client, result.id), results))
    cells = [drawing.Cell(_asked(client, sought), f"searched by {_words(sought)}", "")]
    for rank, (result, picture) in enumerate(zip(results, pictures, strict=True), start=1):
        cells.append(drawing.Cell(picture, f"{rank}.  {result.distance:.4f}", printable(result.path)))
    try:
        drawing.draw(cells).save(file)
    except OSError as error:
        raise click.FileError(str(file), error.strerror or str(error)) from error


def _drawing() -> ModuleType:
    try:
        return import_module("imagesearch_client.command.sheet_drawing")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "PIL":
            raise
        raise click.ClickException("--save needs Pillow: pip install 'imagesearch-client[sheet]'") from None


def _asked(client: Client, sought: str | Query) -> bytes | str:
    """Return the picture that was searched by, or why it is not shown."""
    if isinstance(sought, str):
        return Path(sought).read_bytes()
    return "" if sought.image_id is None else _thumbnail(client, sought.image_id)


def _words(sought: str | Query) -> str:
    if isinstance(sought, str):
        return printable(sought)
    name, value = next(iter(sought.to_json().items()))
    return name if name == "vector" else f"{name} {printable(value)}"


def _thumbnail(client: Client, image_id: int) -> bytes | str:
    try:
        return client.thumbnail(image_id)
    except ApiError as error:
        if error.status in (401, 403, 421):
            raise
        return error.code or str(error.status)
