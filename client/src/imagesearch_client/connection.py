"""One HTTP connection to the API: which failures are worth another try, for how long, and what they mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

import httpx

from imagesearch_client.errors import ApiError, Busy, ClientError, FieldError, ProtocolError, Unavailable

UNAVAILABLE_STATUSES = frozenset({502, 503, 504})
"""503 is the API's own word for a store that is down; a proxy says 502 or 504 while the API restarts."""
BUSY_STATUS = 429
RESETS = 2
"""Resets that a search survives. A keep-alive connection that the server has just closed explains one, and
a second may follow from the same pool; more than that is no accident."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Retry(Enum):
    """Say when a request is sent again."""

    SAFE = "repeating changes nothing: again on 503, refusal, reset and timeout, while patience lasts"
    RESET = "repeating costs a forward pass: again only where the connection was cut, at once"
    NEVER = "repeating could act twice or report the second try's outcome"


@dataclass(frozen=True, slots=True)
class Patience:
    """Decide how long to go on asking an API after its first failure to answer, and at what pace.

    Pauses double from `first_pause` to `longest_pause` seconds; a Retry-After of the API comes before them.
    """

    seconds: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 5.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    on_pause: Callable[[Unavailable, float], None] | None = None
    """Told the reason and the seconds of every pause."""


class Backoff:
    """Pause after each failure of one request, until its `Patience` has run out.

    The time runs from the first failure, not from the first try: a request that hung for a while before it
    failed has asked only once.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._pause = patience.first_pause
        self._deadline: float | None = None

    def wait(self, failure: Unavailable) -> None:
        """Pause before the next try.

        Raises:
            Unavailable: the pause would outlast the patience; the failure itself.
        """
        now = self._patience.clock()
        if self._deadline is None:
            self._deadline = now + self._patience.seconds
        pause = failure.retry_after if failure.retry_after is not None else self._pause
        if now + pause > self._deadline:
            raise failure
        self._pause = min(self._pause * 2, self._patience.longest_pause)
        if self._patience.on_pause is not None:
            self._patience.on_pause(failure, pause)
        self._patience.sleep(pause)


class Connection:
    """Send requests to one API and turn what comes back into JSON or errors."""

    def __init__(
        self,
        base_url: str,
        timeout: float,
        patience: Patience,
        transport: httpx.BaseTransport | None,
        *,
        api_key: str | None = None,
    ) -> None:
        """Open nothing yet.

        Raises:
            ClientError: the URL is not one of HTTP, or no header can hold the key.
        """
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as reason:
            raise ClientError(f"{base_url!r} is not a URL: {reason}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise ClientError(f"{base_url!r} is not an http:// or https:// URL")
        self.base_url = str(url.copy_with(userinfo=b""))  # as shown in errors: without a password
        self.patience = patience
        self._http = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            transport=transport,
            headers={"Accept": "application/json", **_authorization(api_key, url)},
            # A proxy of the environment cannot reach this machine's own loopback.
            trust_env=url.host not in LOOPBACK,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self, method: str, path: str, retry: Retry, patience: Patience | None = None, **request: Any
    ) -> httpx.Response:
        """Return the answer to one request, of a status below 400.

        Raises:
            ApiError: the API refused.
            Unavailable: the API cannot be reached or cannot work now; Busy: it has too much to do.
            ProtocolError: the answer is a redirect, which this API never gives.
        """
        backoff = Backoff(patience or self.patience)
        resets = 0
        while True:
            try:
                return self._checked(self._http.request(method, path, **request))
            except (httpx.NetworkError, httpx.RemoteProtocolError) as reason:
                refused = isinstance(reason, httpx.ConnectError)
                failure = Unavailable(f"cannot reach {self.base_url}: {_words(reason)}")
                resets += 1
                if retry is Retry.RESET and not refused and resets <= RESETS:
                    continue
            except httpx.TimeoutException as reason:
                failure = Unavailable(f"{self.base_url} did not answer in time ({type(reason).__name__})")
            except httpx.HTTPError as reason:
                raise ClientError(f"cannot speak to {self.base_url}: {_words(reason)}") from reason
            except Busy as reason:
                # It was turned away before any of it was done: whatever it is, it may be asked again.
                backoff.wait(reason)
                continue
            except Unavailable as reason:
                failure = reason
            if retry is not Retry.SAFE:
                raise failure
            backoff.wait(failure)

    def json(self, method: str, path: str, retry: Retry, **request: Any) -> object:
        """Return the JSON of one answer. Raises what `send` does, and ProtocolError where it is not JSON."""
        response = self.send(method, path, retry, **request)
        try:
            value: object = response.json()
        except ValueError:
            raise ProtocolError(
                f"{method} {path} was not answered in JSON; is {self.base_url} the image search API?"
            ) from None
        return value

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        if response.status_code < 400:
            where = response.headers.get("Location", "nowhere")
            raise ProtocolError(f"{self.base_url} redirects to {where}; name the API's own URL")
        problem = _problem(response)
        if response.status_code == BUSY_STATUS:
            raise Busy(problem.detail or problem.title, problem.retry_after)
        if response.status_code in UNAVAILABLE_STATUSES:
            raise Unavailable(problem.detail or problem.title, problem.retry_after)
        raise problem


def _authorization(api_key: str | None, url: httpx.URL) -> dict[str, str]:
    if api_key is None:
        return {}
    # Errors are shown and logged: none of them holds the key.
    if not api_key or not all("!" <= letter <= "~" for letter in api_key):
        raise ClientError("the API key is not one: it is empty, or holds blanks or letters beyond ASCII")
    if url.userinfo:
        raise ClientError("an API key and a password in the URL go in the same header; give one of them")
    return {"Authorization": f"Bearer {api_key}"}


def _problem(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    status = response.status_code
    title = body.get("title")
    detail = body.get("detail")
    code = body.get("code")
    return ApiError(
        status=status,
        title=title if isinstance(title, str) else f"{status} {response.reason_phrase}".strip(),
        detail=detail if isinstance(detail, str) else None,
        errors=_field_errors(body.get("errors")),
        retry_after=_retry_after(response.headers.get("Retry-After")),
        code=code if isinstance(code, str) else None,
    )


def _field_errors(errors: object) -> tuple[FieldError, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        FieldError(str(error.get("field", "")), str(error.get("rule", "")))
        for error in errors
        if isinstance(error, dict)
    )


def _retry_after(header: str | None) -> float | None:
    """Read seconds or a date (RFC 9110, 10.2.3); a header that is neither counts as none."""
    if header is None:
        return None
    try:
        if header.strip().isdecimal():
            return float(header)
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _words(reason: Exception) -> str:
    return str(reason) or type(reason).__name__
