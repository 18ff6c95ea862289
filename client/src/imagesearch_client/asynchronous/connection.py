"""One HTTP connection to the API: requests are sent, and sent again where that makes sense."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx

from imagesearch_client.address import Address
from imagesearch_client.errors import Unavailable
from imagesearch_client.patience import Patience, Retry, Tries
from imagesearch_client.problems import checked, failure_of, json_of


class AsyncConnection:
    """Send requests to one API and turn what comes back into JSON or errors."""

    def __init__(
        self,
        address: Address,
        timeout: float,
        patience: Patience,
        transport: httpx.AsyncBaseTransport | None,
        *,
        sleep: Callable[[float], Awaitable[None]],
        on_json: Callable[[object], None] | None = None,
    ) -> None:
        """Open nothing yet."""
        self._on_json = on_json
        self.timeout = timeout
        self.patience = patience
        self.sleep = sleep
        self._server = address.shown
        self._http = httpx.AsyncClient(transport=transport, **address.options(timeout))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(
        self, method: str, path: str, retry: Retry, patience: Patience | None = None, **request: Any
    ) -> httpx.Response:
        """Return the answer to one request, of a status below 300.

        Raises:
            ApiError: the API refused.
            Unavailable: the API cannot be reached or cannot work now; Busy: it has too much to do.
            ProtocolError: the answer is a redirect, which this API never gives.
        """
        tries = Tries(retry, patience or self.patience, self._server)
        while True:
            try:
                return checked(await self._http.request(method, path, **request), self._server)
            except (httpx.HTTPError, Unavailable) as reason:
                pause = tries.pause_after(reason)
            if pause:
                await self.sleep(pause)

    async def json(self, method: str, path: str, retry: Retry, **request: Any) -> object:
        """Return the JSON of one answer. Raises what `send` does, and ProtocolError where it is not JSON."""
        value, _ = await self.versioned(method, path, retry, **request)
        return value

    async def versioned(self, method: str, path: str, retry: Retry, **request: Any) -> tuple[object, str | None]:
        """Return the JSON of one answer, and the version of what it shows, if any. Raises what `json` does."""
        response = await self.send(method, path, retry, **request)
        value = json_of(response, self._server)
        if self._on_json is not None:
            self._on_json(value)
        return value, response.headers.get("ETag")

    async def stream(self, path: str, media_type: str, timeout: float) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of one answer as they come; it is asked for once.

        Args:
            path: what is asked for.
            media_type: what the answer has to be.
            timeout: seconds that may pass without a byte.

        Raises:
            What `send` does, also while the answer comes.
        """
        headers = {"Accept": media_type}
        try:
            async with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
                if not response.is_success:
                    await response.aread()
                checked(response, self._server, media_type)
                async for chunk in response.aiter_bytes():
                    yield chunk
        except httpx.HTTPError as reason:
            raise failure_of(reason, self._server) from reason
