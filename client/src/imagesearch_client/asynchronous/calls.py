"""What all groups of the client's methods share: the connection, and lists that are read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from imagesearch_client.answers import Alias, Collection, ShownImage, WrittenImage
from imagesearch_client.asynchronous.connection import AsyncConnection
from imagesearch_client.fields import Fields
from imagesearch_client.keys import ApiKey
from imagesearch_client.patience import Retry
from imagesearch_client.requests import PAGE_SIZE

Item = TypeVar("Item")
Shown = TypeVar("Shown", Alias, ApiKey, Collection, ShownImage, WrittenImage)


class AsyncCalls:
    """Hold the connection, and read lists to their end."""

    _connection: AsyncConnection

    async def _pages(
        self, path: str, parse: Callable[[object], Item], params: Mapping[str, str] | None = None
    ) -> AsyncIterator[Item]:
        async for page in self._read(path, params):
            for item in page.items("items"):
                yield parse(item)

    async def _shown(
        self, parse: Callable[[object], Shown], method: str, path: str, retry: Retry, **request: Any
    ) -> Shown:
        """Return what an answer shows, with its version."""
        value, etag = await self._connection.versioned(method, path, retry, **request)
        return replace(parse(value), etag=etag)

    async def _read(self, path: str, params: Mapping[str, str] | None = None) -> AsyncIterator[Fields]:
        cursor: str | None = None
        while True:
            asked = {**(params or {}), "limit": str(PAGE_SIZE)} | ({"cursor": cursor} if cursor else {})
            page = Fields(await self._connection.json("GET", path, Retry.SAFE, params=asked), "a list")
            yield page
            cursor = page.identifier("next") if "next" in page else None
            if cursor is None:
                return
