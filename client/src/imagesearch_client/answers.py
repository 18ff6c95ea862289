"""What the API answers, as frozen dataclasses: jobs, collections, results, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

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
    finished_at: datetime | None
    """When the job ended; None until then."""

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
        """Return how long an ended job took, from its start; None before."""
        begun = self.started_at or self.created_at
        if begun is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - begun).total_seconds())

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


@dataclass(frozen=True, slots=True)
class Collection:
    """Describe one collection of pictures."""

    name: str
    images: int
    """Rows in state indexed."""
    vectors: int | None
    """Vectors in the vector store; None where the list leaves them uncounted."""
    model: str | None
    """The network whose vectors are inside; None while the collection is empty."""
    fingerprint: str | None
    """Network and preprocessing together: vectors of two fingerprints cannot be compared."""
    created_at: datetime | None

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a collection from JSON. Raises ProtocolError."""
        fields = Fields(value, "a collection")
        return cls(
            name=fields.text("name"),
            images=fields.integer("images"),
            vectors=fields.optional_integer("vectors"),
            model=fields.optional_text("model"),
            fingerprint=fields.optional_text("fingerprint"),
            created_at=fields.optional_time("created_at"),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """Name one picture that a search found."""

    id: int
    path: str
    url: str | None
    distance: float
    """1 - cosine, in 0..1: smaller is more similar."""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a result from JSON. Raises ProtocolError."""
        fields = Fields(value, "a search result")
        return cls(
            id=fields.integer("id"),
            path=fields.text("path"),
            url=fields.optional_text("url"),
            distance=fields.number("distance"),
            metadata=fields.mapping("metadata"),
        )


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hold the answer to one search, nearest first."""

    results: tuple[Result, ...]
    took_ms: Mapping[str, float]
    """Milliseconds per stage."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read an answer to a search from JSON. Raises ProtocolError."""
        fields = Fields(value, "a search")
        took = Fields(fields.mapping("took_ms"), "a search's took_ms")
        return cls(
            results=tuple(Result.parse(result) for result in fields.items("results")),
            took_ms={stage: took.number(stage) for stage in took.raw()},
        )


@dataclass(frozen=True, slots=True)
class Image:
    """Describe one indexed picture."""

    id: int
    path: str
    collection: str | None
    url: str | None
    state: str | None
    sha256: str | None
    size_bytes: int | None
    width: int | None
    height: int | None
    partition: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a picture from JSON. Raises ProtocolError."""
        fields = Fields(value, "an image")
        return cls(
            id=fields.integer("id"),
            path=fields.text("path"),
            collection=fields.optional_text("collection"),
            url=fields.optional_text("url"),
            state=fields.optional_text("state"),
            sha256=fields.optional_text("sha256"),
            size_bytes=fields.optional_integer("size_bytes"),
            width=fields.optional_integer("width"),
            height=fields.optional_integer("height"),
            partition=fields.optional_text("partition"),
            metadata=fields.mapping("metadata"),
        )


@dataclass(frozen=True, slots=True)
class Info:
    """Describe the running system: everything that it says about itself, by name."""

    weights: str | None
    fingerprint: str | None
    everything: Mapping[str, Any]
    """The whole answer; versions and counts among it."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read the system's description from JSON. Raises ProtocolError."""
        fields = Fields(value, "the system's info")
        weights, fingerprint = fields.raw().get("weights"), fields.raw().get("fingerprint")
        return cls(
            weights=weights if isinstance(weights, str) else None,
            fingerprint=fingerprint if isinstance(fingerprint, str) else None,
            everything=fields.raw(),
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """Name one kind of disagreement between the stores that reconcile found."""

    kind: str
    count: int
    detail: str

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a finding from JSON. Raises ProtocolError."""
        fields = Fields(value, "a finding")
        return cls(fields.text("kind"), fields.integer("count"), fields.optional_text("detail") or "")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Hold what reconcile found; it is repaired as well unless the run was dry."""

    findings: tuple[Finding, ...]
    dry_run: bool

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read the outcome of a reconcile from JSON. Raises ProtocolError."""
        fields = Fields(value, "a reconcile")
        return cls(tuple(Finding.parse(each) for each in fields.items("findings")), fields.flag("dry_run"))
