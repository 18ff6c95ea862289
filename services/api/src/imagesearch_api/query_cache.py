"""Remember the vectors of pictures that were asked about, so that asking again costs no inference."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from threading import Lock, Thread
from typing import cast

import redis
import structlog

from imagesearch.contract import DIMENSION

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
        self._pending: queue.Queue[Mapping[str, bytes]] = queue.Queue(PENDING)
        self._starting = Lock()
        self._writer: Thread | None = None

    def read(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return float32[512] as bytes by key, for those that are known."""
        if not self._seconds:
            return {}
        try:
            found = cast(list[object], self._redis.mget(keys))
        except redis.RedisError as error:
            log.warning("query_cache.not_read", reason=type(error).__name__)
            return {}
        return {
            key: raw
            for key, raw in zip(keys, found, strict=True)
            if isinstance(raw, bytes) and len(raw) == DIMENSION * 4
        }

    def remember(self, made: Mapping[str, bytes]) -> None:
        """Have vectors written soon."""
        if not self._seconds:
            return
        with self._starting:
            # Not before the first search: a thread would not outlive the fork into a worker process.
            if self._writer is None:
                self._writer = Thread(target=self._write_all, name="query-cache", daemon=True)
                self._writer.start()
        try:
            self._pending.put_nowait(made)
        except queue.Full:
            log.warning("query_cache.not_written", reason="too many writes are waiting")

    def _write_all(self) -> None:
        while True:
            made = self._pending.get()
            try:
                self._write(made)
            except redis.RedisError as error:
                log.warning("query_cache.not_written", reason=type(error).__name__)

    def _write(self, made: Mapping[str, bytes]) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for key, raw in made.items():
                pipe.set(key, raw, ex=self._seconds)
            pipe.execute()
