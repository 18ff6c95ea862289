"""Publish and read a job's progress through Celery's result backend.

The job's id is used as a task id of its own in the custom state ``PROGRESS``; no task with that id is ever
run, so nothing can overwrite it with a result. Postgres stays the truth: a missing or old report sends the
reader there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Protocol, cast

import redis
from celery import Celery

from imagesearch.errors import InvalidMessage
from imagesearch.job_progress import JobProgress
from imagesearch.messaging.redis_clock import redis_seconds
from imagesearch.messaging.redis_errors import needing_redis

PROGRESS_STATE = "PROGRESS"
_REPLACE = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('PUBLISH', KEYS[1], ARGV[2])
return 1
"""
"""Store a result as Celery does, where what is there is still what was seen."""
FRESH_SECONDS = 10.0
"""A worker that was killed between its commit and its report leaves an old number: it is shown for no longer."""


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what is shown of a job, and for how many seconds it has been, by the clock of the board."""

    progress: JobProgress
    age: float

    @property
    def is_fresh(self) -> bool:
        """Tell whether it may be shown without asking Postgres: it is recent, and its job has not ended.

        A job that has ended gets no report when its collection is renamed.
        """
        return not self.progress.ended and self.age < FRESH_SECONDS


class ProgressBoard(Protocol):
    """Show the progress of jobs to whoever asks."""

    def publish(self, progress: JobProgress) -> None:
        """Replace what is shown of a job, unless that is newer.

        Raises:
            StoreUnavailable: the board does not answer.
        """

    def read(self, job_id: str) -> JobProgress | None:
        """Return the last report of a job; None when there is none or it expired.

        Raises:
            StoreUnavailable: the board does not answer.
        """

    def look(self, job_id: str) -> Report | None:
        """Return the last report of a job and how old it is; None when there is none or it expired.

        Raises:
            StoreUnavailable: the board does not answer.
        """


class CeleryProgressBoard:
    """Keep progress in Celery's result backend: one key a job, read with one trip to Redis."""

    def __init__(self, app: Celery) -> None:
        self._backend = app.backend

    def publish(self, progress: JobProgress) -> None:
        """Replace what is shown of a job, unless that is newer: one that has ended must not seem to run again."""
        is_settled = False
        while not is_settled:
            found, now = self._find(progress.job_id)
            shown = self._decode(found)
            # Somebody else may write at this moment: then it is his report that this one is compared with.
            is_settled = is_newer(shown, progress) or self._put(replace(progress, published_at=now), found)

    def read(self, job_id: str) -> JobProgress | None:
        """Return the last report of a job; None when there is none, it expired, or is of another version."""
        return self._decode(self._find(job_id)[0])

    def look(self, job_id: str) -> Report | None:
        """Return the last report of a job and how old it is."""
        found, now = self._find(job_id)
        shown = self._decode(found)
        return Report(shown, now - shown.published_at) if shown is not None else None

    @property
    def _client(self) -> redis.Redis:
        return cast(redis.Redis, self._backend.client)

    def _find(self, job_id: str) -> tuple[bytes | None, float]:
        """Return what is stored of a job, and what time it is for Redis."""
        with needing_redis(), self._client.pipeline(transaction=False) as pipe:
            pipe.get(self._backend.get_key_for_task(job_id))
            pipe.time()
            found, time = cast(tuple[bytes | None, object], pipe.execute())
        return found, redis_seconds(time)

    def _put(self, progress: JobProgress, found: bytes | None) -> bool:
        """Store a report in place of what was found; return False, and store nothing, where that is not there."""
        result = {"status": PROGRESS_STATE, "result": progress.to_wire(), "task_id": progress.job_id}
        value = self._backend.encode({**result, "traceback": None, "children": None, "date_done": None})
        key, seconds = self._backend.get_key_for_task(progress.job_id), self._backend.expires
        with needing_redis():
            return bool(self._client.eval(_REPLACE, 1, key, found or b"", value, seconds))

    def _decode(self, found: bytes | None) -> JobProgress | None:
        meta = self._backend.decode_result(found) if found is not None else None
        if meta is None or meta["status"] != PROGRESS_STATE:
            return None
        try:
            return JobProgress.from_wire(meta["result"])
        except InvalidMessage:
            return None


class InMemoryProgressBoard:
    """Keep progress in this process: the twin for unit tests.

    Args:
        clock: tells the seconds since any moment.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reports: dict[str, JobProgress] = {}
        self._lock = Lock()

    def publish(self, progress: JobProgress) -> None:
        """Replace what is shown of a job, unless that is newer."""
        with self._lock:
            if not is_newer(self._reports.get(progress.job_id), progress):
                self._reports[progress.job_id] = replace(progress, published_at=self._clock())

    def read(self, job_id: str) -> JobProgress | None:
        """Return the last report of a job."""
        with self._lock:
            return self._reports.get(job_id)

    def look(self, job_id: str) -> Report | None:
        """Return the last report of a job and how old it is."""
        shown = self.read(job_id)
        return Report(shown, self._clock() - shown.published_at) if shown is not None else None


def is_newer(shown: JobProgress | None, progress: JobProgress) -> bool:
    """Tell whether what is shown of a job was read after what would take its place."""
    return shown is not None and shown.revision > progress.revision
