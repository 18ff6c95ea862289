"""Queues, task names and messages: everything that two services must agree on.

Messages are frozen dataclasses that import nothing but the standard library and numpy. They travel as
msgpack maps that carry their version; vectors and pixels travel as raw bytes, never as lists and never
pickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from imagesearch.errors import InvalidMessage
from imagesearch.failures import FailureCode
from imagesearch.photo_facts import Fact
from imagesearch.wire import Message, added

Vectors = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


class Queue(StrEnum):
    """Name what workers consume: Celery's queues, and the lists of the query channel.

    Of `EXTRACT` and `QUERY` each network has queues of its own, see `imagesearch.networks.queue_for`.
    """

    PLAN = "plan"
    EXTRACT = "extract"
    INDEX = "index"
    QUERY = "query"
    RECONCILE = "reconcile"


class TaskName(StrEnum):
    """Name the tasks; senders use these names and import no worker code."""

    PLAN = "imagesearch.plan"
    EXTRACT = "imagesearch.extract"
    INDEX = "imagesearch.index"
    CANCEL = "imagesearch.cancel"
    DELETE = "imagesearch.delete"
    RECONCILE = "imagesearch.reconcile"


class JobKind(StrEnum):
    """Name what a job does."""

    INDEX = "index"
    REINDEX = "reindex"
    DUPLICATES = "duplicates"
    EXPORT = "export"


class JobState(StrEnum):
    """Name the states of a job; ended ones accept no more work."""

    PLANNING = "planning"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_working(self) -> bool:
        """Tell whether the job goes on by itself."""
        return self in (JobState.PLANNING, JobState.RUNNING)

    @property
    def has_ended(self) -> bool:
        """Tell whether the job accepts no more work; a cancelled one may still have to close what it holds."""
        return not self.is_working and self != JobState.PAUSED


class Outcome(StrEnum):
    """Name the one way in which a submitted path ends."""

    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PlanJob(Message):
    """Ask the indexer to list a job's source and cut it into batches."""

    job_id: str


@dataclass(frozen=True, slots=True)
class CancelJob(Message):
    """Ask the indexer to end the batches and paths that a cancelled job left open."""

    job_id: str


@dataclass(frozen=True, slots=True)
class ExtractItem(Message):
    """Name one picture to extract, by catalogue id and path."""

    image_id: int
    path: str
    known_sha256: str | None
    """Digest of the content that is indexed already: equal bytes need no inference."""
    expected_version: int
    """Version of the picture's row when it was sent, which the answer repeats."""


@dataclass(frozen=True, slots=True)
class ExtractBatch(Message):
    """Ask an extractor for the vectors of some pictures."""

    job_id: str
    batch_id: int
    model: str | None
    """Identity of the network that built the collection; None while the collection is empty."""
    preprocessing: dict[str, Any]
    """Preprocessing options of the collection, see `imagesearch.pipeline.Preprocessing`."""
    items: tuple[ExtractItem, ...]
    generation: int = 0
    """Generation of the collection's pipeline, which the answer repeats."""
    bound_roots: tuple[str, ...] | None = None
    """Directories to which the job's API key is bound: a link that was put on a path since leads nowhere else."""
    facts: tuple[Fact, ...] = added(5, ())
    """What is to be told of each picture from its EXIF."""


@dataclass(frozen=True, slots=True)
class ExtractedImage(Message):
    """Describe one picture that was read: its vector is the row of the same position."""

    image_id: int
    sha256: str
    size_bytes: int
    mtime_ns: int
    width: int
    height: int
    format: str
    expected_version: int
    """Copied from the `ExtractItem`: where the row has another one by now, this may have been read too early."""
    facts: dict[str, Any] | None = added(5, None)  # noqa: RUF009 - it declares a field
    """By their names in metadata, null for what the picture does not tell; None where nobody asked."""


@dataclass(frozen=True, slots=True)
class UnchangedImage(Message):
    """Report a picture whose bytes are those that are indexed already."""

    image_id: int
    sha256: str
    size_bytes: int
    mtime_ns: int
    expected_version: int
    """Copied from the `ExtractItem`."""
    facts: dict[str, Any] | None = added(5, None)  # noqa: RUF009 - it declares a field
    """As in `ExtractedImage`."""


@dataclass(frozen=True, slots=True)
class FailedImage(Message):
    """Report a picture that could not be turned into a vector, and why."""

    image_id: int
    code: FailureCode
    reason: str
    expected_version: int
    """Copied from the `ExtractItem`."""


@dataclass(frozen=True, slots=True)
class IndexBatch(Message):
    """Hand the indexer everything it needs to finish a batch."""

    job_id: str
    batch_id: int
    model: str
    """Identity of the network that made the vectors."""
    images: tuple[ExtractedImage, ...]
    vectors: bytes
    """float32[len(images), dimension of the network], row by row, little endian."""
    unchanged: tuple[UnchangedImage, ...]
    failures: tuple[FailedImage, ...]
    generation: int = 0
    """Copied from the `ExtractBatch`: vectors of a pipeline that was replaced meanwhile are not written."""


@dataclass(frozen=True, slots=True)
class FinishDeletes(Message):
    """Ask the indexer to finish deletions: of a collection's images that are marked, or of all of it."""

    collection_id: int


@dataclass(frozen=True, slots=True)
class Reconcile(Message):
    """Ask the indexer to find and repair what a crash left behind."""

    dry_run: bool
    """Only look, change nothing."""
    deep: bool
    """Also compare every row with every vector; otherwise only what is in flight."""


@dataclass(frozen=True, slots=True)
class Finding(Message):
    """Report one kind of thing that reconciliation found, and how often."""

    kind: str
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class Findings(Message):
    """Answer a `Reconcile` or `FinishDeletes`, or an `IndexBatch` that somebody waits for."""

    findings: tuple[Finding, ...]

    @classmethod
    def single(cls, kind: str, count: int) -> Self:
        """Return findings of one kind."""
        return cls((Finding(kind, count, ""),))


def pack_vectors(vectors: Vectors) -> bytes:
    """Return float32[n, dimension] as little-endian bytes."""
    return np.ascontiguousarray(vectors, dtype="<f4").tobytes()


def unpack_vectors(raw: bytes, count: int, dimension: int) -> Vectors:
    """Return the float32[count, dimension] that `pack_vectors` packed.

    Raises:
        InvalidMessage: the bytes are not exactly `count` vectors.
    """
    if len(raw) != count * dimension * 4:
        raise InvalidMessage(f"vectors: {len(raw)} bytes are not {count} x {dimension} float32")
    return np.frombuffer(raw, dtype="<f4").reshape(count, dimension)
