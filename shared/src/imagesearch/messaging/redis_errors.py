"""Say in one place what it means that Redis does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import kombu.exceptions
import redis
import structlog

from imagesearch.errors import StoreUnavailable
from imagesearch.metrics import STORE_ERRORS

log = structlog.get_logger()

REDIS_ERRORS = (redis.RedisError, kombu.exceptions.OperationalError, ConnectionError)
"""What a Redis that is away can raise through redis-py, kombu and Celery."""


@contextmanager
def needing_redis() -> Iterator[None]:
    """Do what cannot be done without Redis.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    try:
        yield
    except REDIS_ERRORS as error:
        STORE_ERRORS.labels("redis").inc()
        raise StoreUnavailable("redis", type(error).__name__) from error


@contextmanager
def best_effort(event: str, **context: object) -> Iterator[None]:
    """Do what may be left out while Redis is away; the log says under `event` that it was."""
    try:
        yield
    except REDIS_ERRORS as error:
        STORE_ERRORS.labels("redis").inc()
        log.warning(event, reason=type(error).__name__, **context)
