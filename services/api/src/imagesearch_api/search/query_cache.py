"""Remember the vectors of pictures that were asked about, so that asking again costs no inference."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from threading import Condition, Thread
from typing import cast

import redis
import structlog

from imagesearch.messaging.redis_errors import best_effort
from imagesearch.metrics import QUERY_CACHE

log = structlog.get_logger()

PENDING = 64
"""Writes that may wait while Redis is slow; more are left out."""


class QueryCache:
    """Keep vectors in Redis under keys that name picture, box and pipeline.

    Reads are waited for. Writes happen on a thread of their own while the search goes on. Redis going away costs
    the cache and nothing else.
    """

    def __init__(self, client: redis.Redis, seconds: int) -> None:
        """Keep vectors for `seconds`; zero keeps none."""
        self._redis = client
        self._seconds = seconds
        self._pending: deque[Mapping[str, bytes]] = deque()
        self._changed = Condition()
        self._writer: Thread | None = None
        self._closed = False

    def read(self, keys: Sequence[str], dimension: int) -> dict[str, bytes]:
        """Return float32[dimension] as bytes by key, for those that are known."""
        if not self._seconds:
            return {}
        found: list[object] = []
        with best_effort("query_cache.not_read"):
            found = cast(list[object], self._redis.mget(keys))
        known = {
            key: raw
            for key, raw in zip(keys, found, strict=False)
            if isinstance(raw, bytes) and len(raw) == dimension * 4
        }
        QUERY_CACHE.labels("hit").inc(len(known))
        QUERY_CACHE.labels("miss").inc(len(keys) - len(known))
        return known

    def remember(self, made: Mapping[str, bytes]) -> None:
        """Have vectors written soon; once the cache is closed, nothing more is."""
        if not self._seconds:
            return
        with self._changed:
            if self._closed:
                return
            if len(self._pending) >= PENDING:
                log.warning("query_cache.not_written", reason="too many writes are waiting")
                return
            self._pending.append(made)
            self._changed.notify()
            # Not before the first search: a thread would not outlive the fork into a worker process.
            if self._writer is None:
                self._writer = Thread(target=self._write_all, name="query-cache", daemon=True)
                self._writer.start()

    def close(self) -> None:
        """Leave out what still waits to be written, and wait until the thread has ended."""
        with self._changed:
            self._closed = True
            self._pending.clear()
            self._changed.notify_all()
            writer = self._writer
        if writer is not None:
            writer.join()

    def _write_all(self) -> None:
        while (made := self._next()) is not None:
            try:
                with best_effort("query_cache.not_written"):
                    self._write(made)
            except Exception:
                # Whatever is wrong with one write, the next ones are not lost with it.
                log.exception("query_cache.write_failed")

    def _next(self) -> Mapping[str, bytes] | None:
        """Wait for something to write, and return it; None once the cache is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed)
            return self._pending.popleft() if self._pending else None

    def _write(self, made: Mapping[str, bytes]) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for key, raw in made.items():
                pipe.set(key, raw, ex=self._seconds)
            pipe.execute()
