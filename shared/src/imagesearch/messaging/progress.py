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
        """Replace what is shown of a job, unless that is newer: a job that has ended must not seem to run again.

        Between the look and the writing somebody else may still write; that is made good a moment later, because
        whoever publishes asks Postgres afterwards whether the job has moved on.
        """
        shown, now = self._read(progress.job_id)
        if is_newer(shown, progress):
            return
        stamped = replace(progress, published_at=now)
        with needing_redis():
            self._backend.store_result(progress.job_id, stamped.to_wire(), PROGRESS_STATE)

    def read(self, job_id: str) -> JobProgress | None:
        """Return the last report of a job; None when there is none, it expired, or is of another version."""
        return self._read(job_id)[0]

    def look(self, job_id: str) -> Report | None:
        """Return the last report of a job and how old it is."""
        shown, now = self._read(job_id)
        return Report(shown, now - shown.published_at) if shown is not None else None

    def _read(self, job_id: str) -> tuple[JobProgress | None, float]:
        """Return the last report of a job, and what time it is for Redis."""
        client = cast(redis.Redis, self._backend.client)
        with needing_redis(), client.pipeline(transaction=False) as pipe:
            pipe.get(self._backend.get_key_for_task(job_id))
            pipe.time()
            found, time = cast(tuple[bytes | None, object], pipe.execute())
        now = redis_seconds(time)
        meta = self._backend.decode_result(found) if found is not None else None
        if meta is None or meta["status"] != PROGRESS_STATE:
            return None, now
        try:
            return JobProgress.from_wire(meta["result"]), now
        except InvalidMessage:
            return None, now


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
