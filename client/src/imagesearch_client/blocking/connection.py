# Made of asynchronous/connection.py by `make client`: change that.
"""One HTTP connection to the API: requests are sent, and sent again where that makes sense."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import httpx

from imagesearch_client.address import Address
from imagesearch_client.errors import Unavailable
from imagesearch_client.patience import Patience, Retry, Tries
from imagesearch_client.problems import checked, failure_of, json_of


class Connection:
    """Send requests to one API and turn what comes back into JSON or errors."""

    def __init__(
        self,
        address: Address,
        timeout: float,
        patience: Patience,
        transport: httpx.BaseTransport | None,
        *,
        sleep: Callable[[float], None],
        on_json: Callable[[object], None] | None = None,
    ) -> None:
        """Open nothing yet."""
        self._on_json = on_json
        self.timeout = timeout
        self.patience = patience
        self.sleep = sleep
        self._server = address.shown
        self._http = httpx.Client(transport=transport, **address.options(timeout))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
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
                return checked(self._http.request(method, path, **request), self._server)
            except (httpx.HTTPError, Unavailable) as reason:
                pause = tries.pause_after(reason)
            if pause:
                self.sleep(pause)

    def json(self, method: str, path: str, retry: Retry, **request: Any) -> object:
        """Return the JSON of one answer. Raises what `send` does, and ProtocolError where it is not JSON."""
        value, _ = self.versioned(method, path, retry, **request)
        return value

    def versioned(self, method: str, path: str, retry: Retry, **request: Any) -> tuple[object, str | None]:
        """Return the JSON of one answer, and the version of what it shows, if any. Raises what `json` does."""
        response = self.send(method, path, retry, **request)
        value = json_of(response, self._server)
        if self._on_json is not None:
            self._on_json(value)
        return value, response.headers.get("ETag")

    def stream(self, path: str, media_type: str, timeout: float) -> Generator[bytes, None]:
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
            with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
                if not response.is_success:
                    response.read()
                checked(response, self._server, media_type)
                for chunk in response.iter_bytes():
                    yield chunk
        except httpx.HTTPError as reason:
            raise failure_of(reason, self._server) from reason
