# Made of asynchronous/calls.py by `make client`: change that.
"""What all groups of the client's methods share: the connection, and lists that are read page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from imagesearch_client.answers import Alias, Collection, ShownImage, WrittenImage
from imagesearch_client.blocking.connection import Connection
from imagesearch_client.fields import Fields
from imagesearch_client.keys import ApiKey
from imagesearch_client.patience import Retry
from imagesearch_client.requests import PAGE_SIZE

Item = TypeVar("Item")
Shown = TypeVar("Shown", Alias, ApiKey, Collection, ShownImage, WrittenImage)


class Calls:
    """Hold the connection, and read lists to their end."""

    _connection: Connection

    def _pages(
        self, path: str, parse: Callable[[object], Item], params: Mapping[str, str] | None = None
    ) -> Iterator[Item]:
        for page in self._read(path, params):
            for item in page.items("items"):
                yield parse(item)

    def _shown(
        self, parse: Callable[[object], Shown], method: str, path: str, retry: Retry, **request: Any
    ) -> Shown:
        """Return what an answer shows, with its version."""
        value, etag = self._connection.versioned(method, path, retry, **request)
        return replace(parse(value), etag=etag)

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Fields]:
        cursor: str | None = None
        while True:
            asked = {**(params or {}), "limit": str(PAGE_SIZE)} | ({"cursor": cursor} if cursor else {})
            page = Fields(self._connection.json("GET", path, Retry.SAFE, params=asked), "a list")
            yield page
            cursor = page.identifier("next") if "next" in page else None
            if cursor is None:
                return
