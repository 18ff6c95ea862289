"""Publish and read a job's progress through Celery's result backend.

The job's id is used as a task id of its own in the custom state ``PROGRESS``; no task with that id is ever
run, so nothing can overwrite it with a result. Postgres stays the truth: a missing or old report sends the
reader there.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Protocol

from celery import Celery

from imagesearch.errors import InvalidMessage
from imagesearch.job_progress import JobProgress
from imagesearch.messaging.redis_errors import needing_redis

PROGRESS_STATE = "PROGRESS"


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


class CeleryProgressBoard:
    """Keep progress in Celery's result backend: one key a job, read with one GET."""

    def __init__(self, app: Celery) -> None:
        self._backend = app.backend

    def publish(self, progress: JobProgress) -> None:
        """Replace what is shown of a job, unless that is newer: a job that has ended must not seem to run again.

        Between the look and the writing somebody else may still write; that is made good a moment later, because
        whoever publishes asks Postgres afterwards whether the job has moved on.
        """
        if is_newer(self.read(progress.job_id), progress):
            return
        with needing_redis():
            self._backend.store_result(progress.job_id, progress.to_wire(), PROGRESS_STATE)

    def read(self, job_id: str) -> JobProgress | None:
        """Return the last report of a job; None when there is none, it expired, or is of another version."""
        with needing_redis():
            meta = self._backend.get_task_meta(job_id, cache=False)
        if meta["status"] != PROGRESS_STATE:
            return None
        try:
            return JobProgress.from_wire(meta["result"])
        except InvalidMessage:
            return None


class InMemoryProgressBoard:
    """Keep progress in this process: the twin for unit tests."""

    def __init__(self) -> None:
        self._reports: dict[str, JobProgress] = {}
        self._lock = Lock()

    def publish(self, progress: JobProgress) -> None:
        """Replace what is shown of a job, unless that is newer."""
        with self._lock:
            if not is_newer(self._reports.get(progress.job_id), progress):
                self._reports[progress.job_id] = progress

    def read(self, job_id: str) -> JobProgress | None:
        """Return the last report of a job."""
        with self._lock:
            return self._reports.get(job_id)


def is_newer(shown: JobProgress | None, progress: JobProgress) -> bool:
    """Tell whether what is shown of a job was read after what would take its place."""
    return shown is not None and shown.revision > progress.revision


def is_fresh(progress: JobProgress, *, seconds: float = 10.0) -> bool:
    """Tell whether a report may be shown without asking Postgres: it is recent, and its job has not ended.

    A worker that was killed between its commit and its report leaves an old number behind; the bound on the age
    keeps that from being shown for long. A job that has ended gets no report when its collection is renamed.
    """
    return not progress.ended and time.time() - progress.published_at < seconds
