"""The client: one method per thing that the API does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import httpx

from imagesearch_client.address import Address
from imagesearch_client.asynchronous import concurrency
from imagesearch_client.asynchronous.collections import AsyncCollectionCalls
from imagesearch_client.asynchronous.connection import AsyncConnection
from imagesearch_client.asynchronous.duplicates import AsyncComparing
from imagesearch_client.asynchronous.exports import AsyncExportCalls
from imagesearch_client.asynchronous.galleries import AsyncGalleryCalls
from imagesearch_client.asynchronous.keys import AsyncKeyCalls
from imagesearch_client.asynchronous.searching import AsyncSearching
from imagesearch_client.asynchronous.system import AsyncSystemCalls
from imagesearch_client.patience import Patience


class AsyncClient(
    AsyncSearching,
    AsyncGalleryCalls,
    AsyncCollectionCalls,
    AsyncComparing,
    AsyncExportCalls,
    AsyncKeyCalls,
    AsyncSystemCalls,
):
    """Speak to one image search API; close it, or use it in an ``async with`` block.

    Every method may raise ApiError (the API refused), Unavailable (it cannot be reached or cannot work
    now) and ProtocolError (what answers is not this API). Requests that can be repeated without harm (reading,
    submitting, cancelling, pausing, resuming) are repeated while `patience` lasts; those that
    could act twice are sent once. An `api_key` goes to `base_url` in a header with each request, and nowhere else.
    `on_json` is told each answer as the API sent it, fields included that this version does not know.

    Example:
        >>> async def nearest(picture: str) -> str:
        ...     async with AsyncClient("http://127.0.0.1:5000") as client:
        ...         found = await client.search("photos", picture, top_k=1)
        ...         return found[0].path
    """

    def __init__(
        self,
        base_url: str,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        patience: Patience | None = None,
        api_key: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = concurrency.sleep,
        on_json: Callable[[object], None] | None = None,
    ) -> None:
        address = Address.of(base_url, api_key)
        self._connection = AsyncConnection(
            address, timeout, patience or Patience(), transport, sleep=sleep, on_json=on_json
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to the API."""
        await self._connection.close()
