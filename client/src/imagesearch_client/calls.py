"""What all groups of the client's methods share: the connection, paths, pages, pictures to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import quote

from imagesearch_client.connection import Connection, Retry
from imagesearch_client.fields import Fields

Picture = Path | bytes | BinaryIO
Item = TypeVar("Item")

PAGE_SIZE = 200
"""Items asked for at once when a list is read to its end."""


class Calls:
    """Hold the connection, and read lists to their end."""

    _connection: Connection

    def _pages(
        self, path: str, parse: Callable[[object], Item], params: Mapping[str, str] | None = None
    ) -> Iterator[Item]:
        for page in self._read(path, params):
            yield from map(parse, page.items("items"))

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Fields]:
        cursor: str | None = None
        while True:
            asked = {**(params or {}), "limit": str(PAGE_SIZE)} | ({"cursor": cursor} if cursor else {})
            page = Fields(self._connection.json("GET", path, Retry.SAFE, params=asked), "a list")
            yield page
            cursor = page.identifier("next") if "next" in page else None
            if cursor is None:
                return


def segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")


def collection_path(name: str) -> str:
    """Return the path of a collection, by its name or alias."""
    return f"/api/v2/collections/{segment(name)}"


def read_picture(image: Picture) -> tuple[str, bytes]:
    """Return a name and the bytes; read at once, so that a repeated request sends all of them again."""
    if isinstance(image, bytes):
        return "image", image
    if isinstance(image, Path):
        return image.name, image.read_bytes()
    return "image", image.read()
