"""What is answered about jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from imagesearch.contract import JobKind, JobState
from imagesearch.failures import FailureCode
from imagesearch.job_progress import JobProgress
from imagesearch_api.models.responses.base import Answer, Count, JobId, Moment, Page


class Job(Answer):
    """A job: what it was asked, and where it stands."""

    id: JobId
    kind: JobKind
    collection: str
    source: str | None
    state: JobState
    total: Count
    indexed: Count
    unchanged: Count
    failed: Count
    cancelled: Count
    removed: Count
    rate: float | None
    eta_seconds: float | None
    stalled: bool
    error: str | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None

    @classmethod
    def of(cls, job: JobProgress) -> Self:
        """Return what is answered about a job."""
        return cls(
            id=job.job_id,
            kind=job.kind,
            collection=job.collection,
            source=job.directory,
            state=job.state,
            total=job.total,
            indexed=job.indexed,
            unchanged=job.unchanged,
            failed=job.failed,
            cancelled=job.cancelled,
            removed=job.removed,
            rate=round(job.rate, 3) if job.rate is not None else None,
            eta_seconds=_eta(job),
            stalled=job.stalled,
            error=job.error,
            created_at=_moment(job.created_at),
            started_at=_moment(job.started_at) if job.started_at is not None else None,
            finished_at=_moment(job.finished_at) if job.finished_at is not None else None,
        )


def _eta(job: JobProgress) -> float | None:
    if job.ended:
        return 0.0
    if not job.rate or job.state != JobState.RUNNING:
        return None
    return round((job.total - job.done) / job.rate, 1)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class Failure(Answer):
    """A path that a job could not index, and why."""

    path: str
    code: FailureCode
    reason: str


class JobPage(Page[Job]):
    """One page of jobs, newest first."""


class FailurePage(Page[Failure]):
    """One page of failures of a job."""
