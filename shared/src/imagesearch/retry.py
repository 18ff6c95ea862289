"""Keep trying what fails for now, until it works or the process is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter
from tenacity.stop import stop_when_event_set

from imagesearch.errors import TransientError
from imagesearch.metrics import RETRIES

log = structlog.get_logger()

T = TypeVar("T")

FIRST_WAIT_SECONDS = 0.1
MAX_WAIT_SECONDS = 5.0
"""A store that comes back is noticed within this time."""


def retry_transient(action: Callable[[], T], stop: Event, *, doing: str) -> T:
    """Call `action` until it raises no `TransientError`, waiting longer each time.

    Args:
        action: what to do; it may run any number of times.
        stop: ends the trying, also in the middle of a wait.
        doing: names the work in the log.

    Raises:
        TransientError: the last one, once `stop` is set.
    """

    def report(state: RetryCallState) -> None:
        RETRIES.labels(doing).inc()
        if state.outcome is not None:
            log.warning(
                "retrying", doing=doing, attempt=state.attempt_number, reason=str(state.outcome.exception())
            )

    def wait(seconds: float) -> None:
        stop.wait(seconds)

    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        wait=wait_exponential_jitter(
            multiplier=FIRST_WAIT_SECONDS, max=MAX_WAIT_SECONDS, jitter=FIRST_WAIT_SECONDS
        ),
        stop=stop_when_event_set(stop),
        sleep=wait,
        before_sleep=report,
        reraise=True,
    )
    return retrying(action)
