"""Say how far a job is: what reports carry, and what every answer about a job is made of."""

from __future__ import annotations

from dataclasses import dataclass

from imagesearch.contract import JobKind, JobState
from imagesearch.wire import Message


@dataclass(frozen=True, slots=True)
class JobProgress(Message):
    """Hold what is shown of one job, as of one revision of its row.

    Attributes:
        directory: the source; None for a list of paths.
        removed: images that pruning deleted, because their files are gone.
        rate: pictures finished a second, averaged over about half a minute; None before the first.
        stalled: there was no progress for too long.
        created_at: seconds since the epoch.
        started_at: likewise, when the first of its paths had their outcome.
        finished_at: likewise; a job has ended when it has finished: every path has its outcome and the vectors
            are searchable.
        revision: grows with each change of the row, so that reports can be ordered.
        published_at: seconds since the epoch by the clock of the board; zero where it was not published.
    """

    job_id: str
    collection: str
    directory: str | None
    state: JobState
    total: int
    indexed: int
    unchanged: int
    failed: int
    cancelled: int
    removed: int
    rate: float | None
    stalled: bool
    error: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    revision: int
    published_at: float
    kind: JobKind = JobKind.INDEX

    @property
    def done(self) -> int:
        """Return how many paths have reached their outcome."""
        return self.indexed + self.unchanged + self.failed + self.cancelled

    @property
    def ended(self) -> bool:
        """Tell whether every path has its outcome and the vectors are searchable."""
        return self.finished_at is not None
