# Made of asynchronous/client.py by `make client`: change that.
"""The client: one method per thing that the API does."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from imagesearch_client.address import Address
from imagesearch_client.blocking import concurrency
from imagesearch_client.blocking.collections import CollectionCalls
from imagesearch_client.blocking.connection import Connection
from imagesearch_client.blocking.duplicates import Comparing
from imagesearch_client.blocking.exports import ExportCalls
from imagesearch_client.blocking.galleries import GalleryCalls
from imagesearch_client.blocking.keys import KeyCalls
from imagesearch_client.blocking.searching import Searching
from imagesearch_client.blocking.system import SystemCalls
from imagesearch_client.patience import Patience


class Client(
    Searching,
    GalleryCalls,
    CollectionCalls,
    Comparing,
    ExportCalls,
    KeyCalls,
    SystemCalls,
):
    """Speak to one image search API; close it, or use it in a ``with`` block.

    Every method may raise ApiError (the API refused), Unavailable (it cannot be reached or cannot work
    now) and ProtocolError (what answers is not this API). Requests that can be repeated without harm (reading,
    submitting, cancelling, pausing, resuming) are repeated while `patience` lasts; those that
    could act twice are sent once. An `api_key` goes to `base_url` in a header with each request, and nowhere else.
    `on_json` is told each answer as the API sent it, fields included that this version does not know.

    Example:
        >>> def nearest(picture: str) -> str:
        ...     with Client("http://127.0.0.1:5000") as client:
        ...         found = client.search("photos", picture, top_k=1)
        ...         return found[0].path
    """

    def __init__(
        self,
        base_url: str,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        *,
        patience: Patience | None = None,
        api_key: str | None = None,
        sleep: Callable[[float], None] = concurrency.sleep,
        on_json: Callable[[object], None] | None = None,
    ) -> None:
        address = Address.of(base_url, api_key)
        self._connection = Connection(
            address, timeout, patience or Patience(), transport, sleep=sleep, on_json=on_json
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the API."""
        self._connection.close()
