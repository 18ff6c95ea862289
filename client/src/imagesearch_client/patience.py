"""When a request is sent again after a failure, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import httpx

from imagesearch_client.errors import Busy, Unavailable
from imagesearch_client.problems import failure_of

RESETS = 2
"""Resets that a search survives. A keep-alive connection that the server has just closed explains one, and
a second may follow from the same pool; more than that is no accident."""


class Retry(Enum):
    """Say when a request is sent again."""

    SAFE = "repeating changes nothing: again on 503, refusal, reset and timeout, while patience lasts"
    RESET = "repeating costs a forward pass: again only where the connection was cut, at once"
    NEVER = "repeating could act twice or report the second try's outcome"


@dataclass(frozen=True, slots=True)
class Patience:
    """Decide how long to go on asking an API after its first failure to answer, and at what pace.

    Pauses double from `first_pause` to `longest_pause` seconds; a Retry-After of the API comes before them.

    Example:
        >>> client = Client("http://127.0.0.1:5000", patience=Patience(seconds=5.0))
    """

    seconds: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 5.0
    clock: Callable[[], float] = time.monotonic
    on_pause: Callable[[Unavailable, float], None] | None = None
    """Told the reason and the seconds of every pause."""


class Tries:
    """Count the failures of one request, and say of each whether the request is sent again.

    The time runs from the first failure, not from the first try: a request that hung for a while before it
    failed has asked only once.
    """

    def __init__(self, retry: Retry, patience: Patience, server: str) -> None:
        self._retry = retry
        self._patience = patience
        self._server = server
        self._pause = patience.first_pause
        self._deadline: float | None = None
        self._resets = 0

    def pause_after(self, reason: httpx.HTTPError | Unavailable) -> float:
        """Return for how many seconds to pause before the request is sent again.

        Raises:
            Unavailable: it is not sent again; the failure itself.
            ClientError: no further try would fare better.
        """
        failure = reason if isinstance(reason, Unavailable) else failure_of(reason, self._server)
        if self._retry is Retry.RESET and _was_cut(reason):
            self._resets += 1
            if self._resets <= RESETS:
                return 0.0
        # Who is turned away as busy had nothing done for it: whatever it was, it may be asked again.
        if self._retry is Retry.SAFE or isinstance(failure, Busy):
            return self._backoff(failure)
        raise failure

    def _backoff(self, failure: Unavailable) -> float:
        now = self._patience.clock()
        if self._deadline is None:
            self._deadline = now + self._patience.seconds
        pause = failure.retry_after if failure.retry_after is not None else self._pause
        if now + pause > self._deadline:
            raise failure
        self._pause = min(self._pause * 2, self._patience.longest_pause)
        if self._patience.on_pause is not None:
            self._patience.on_pause(failure, pause)
        return pause


def _was_cut(reason: Exception) -> bool:
    is_cut = isinstance(reason, httpx.NetworkError | httpx.RemoteProtocolError)
    return is_cut and not isinstance(reason, httpx.ConnectError)
