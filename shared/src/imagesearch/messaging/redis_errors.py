"""Say in one place what it means that Redis does not answer, or takes nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import kombu.exceptions
import redis
import structlog

from imagesearch.errors import Shortage, StoreUnavailable
from imagesearch.store_failures import failed

log = structlog.get_logger()

REDIS_ERRORS = (redis.RedisError, kombu.exceptions.OperationalError, ConnectionError)
"""What a Redis that is away can raise through redis-py, kombu and Celery."""


@contextmanager
def needing_redis() -> Iterator[None]:
    """Do what cannot be done without Redis.

    Raises:
        StoreFull: Redis takes nothing more.
        StoreUnavailable: Redis does not answer.
    """
    try:
        yield
    except REDIS_ERRORS as error:
        raise redis_failed(error) from error


@contextmanager
def best_effort(event: str, **context: object) -> Iterator[None]:
    """Do what may be left out while Redis is away or full; the log says under `event` that it was."""
    try:
        yield
    except REDIS_ERRORS as error:
        log.warning(event, reason=str(redis_failed(error)), **context)


def redis_failed(error: Exception) -> StoreUnavailable:
    """Return what one of `REDIS_ERRORS` means, and count it.

    What Redis says of a pipeline quotes the command, and so is not repeated.
    """
    lacks = shortage(error)
    if lacks is Shortage.MEMORY:
        return failed("redis", "as maxmemory is reached", lacks)
    if lacks is Shortage.DISK:
        return failed("redis", "as it cannot write its file (MISCONF)", lacks)
    return failed("redis", type(error).__name__)


def shortage(error: BaseException | None) -> Shortage | None:
    """Return what Redis has no more of; None where that is not what is wrong.

    Celery and Kombu wrap some errors in their own.
    """
    if isinstance(error, redis.OutOfMemoryError):
        return Shortage.MEMORY
    if isinstance(error, redis.ResponseError) and "MISCONF" in str(error):
        return Shortage.DISK
    return shortage(error.__cause__) if error is not None and error.__cause__ is not None else None
