"""What the API answers about jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from imagesearch_client.fields import Fields


@dataclass(frozen=True, slots=True)
class Job:
    """Describe one indexing job: what it was asked, where it stands."""

    id: str
    collection: str
    source: str | None
    """The directory; None where the job was given a list of paths."""
    state: str
    total: int
    """Paths found so far; grows while the job is planning."""
    indexed: int
    unchanged: int
    failed: int
    cancelled: int
    removed: int
    """Pictures whose files are gone: they left the collection because the job was told to prune."""
    rate: float | None
    """Pictures per second now; None while unknown."""
    eta_seconds: float | None
    stalled: bool
    """Work is left, but nothing has moved for a while."""
    error: str | None
    """Why the job as a whole failed."""
    created_at: datetime | None
    started_at: datetime | None
    """When the first of its paths had their outcome; None until then."""
    finished_at: datetime | None
    """When the job ended; None until then."""
    kind: str = "index"
    """What it does: ``index``, ``reindex``, ``duplicates`` or ``export``."""

    @property
    def done(self) -> int:
        """Count the paths that have reached their end, whichever it was."""
        return self.indexed + self.unchanged + self.failed + self.cancelled

    @property
    def ended(self) -> bool:
        """Tell whether the job takes no more work."""
        return self.finished_at is not None

    @property
    def seconds(self) -> float | None:
        """Return how long an ended job took, from the moment in which it was asked for; None before its end."""
        if self.created_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.created_at).total_seconds())

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a job from JSON. Raises ProtocolError."""
        fields = Fields(value, "a job")
        source = fields.raw().get("source")
        return cls(
            id=fields.identifier("id"),
            collection=fields.text("collection"),
            source=source if isinstance(source, str) else None,
            state=fields.text("state"),
            total=fields.integer("total"),
            indexed=fields.integer("indexed"),
            unchanged=fields.integer("unchanged"),
            failed=fields.integer("failed"),
            cancelled=fields.integer("cancelled"),
            removed=fields.optional_integer("removed") or 0,
            rate=fields.optional_number("rate"),
            eta_seconds=fields.optional_number("eta_seconds"),
            stalled=fields.flag("stalled"),
            error=fields.optional_text("error"),
            created_at=fields.optional_time("created_at"),
            started_at=fields.optional_time("started_at"),
            finished_at=fields.optional_time("finished_at"),
            kind=fields.optional_text("kind") or "index",
        )


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Name one path that a job could not index, and why."""

    path: str
    code: str
    reason: str

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a failure from JSON. Raises ProtocolError."""
        fields = Fields(value, "a failure")
        return cls(fields.text("path"), fields.text("code"), fields.optional_text("reason") or "")
