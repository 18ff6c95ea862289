"""Queues, task names and messages: everything that two services must agree on.

Messages are frozen dataclasses that import nothing but the standard library and numpy. They travel as
msgpack maps that carry their version; vectors and pixels travel as raw bytes, never as lists and never
pickled.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from imagesearch.errors import InvalidMessage

WIRE_VERSION = 1
DIMENSION = 512
"""Channels of VGG16's last convolution, so the length of every vector."""
INPUT_SIDE = 224
"""Height and width in pixels of the network's input."""

Vectors = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


class Queue(StrEnum):
    """Name the Redis lists that workers consume."""

    PLAN = "plan"
    EXTRACT = "extract"
    INDEX = "index"
    QUERY = "query"


class TaskName(StrEnum):
    """Name the tasks; senders use these names and import no worker code."""

    PLAN = "imagesearch.plan"
    EXTRACT = "imagesearch.extract"
    INDEX = "imagesearch.index"
    QUERY = "imagesearch.query"
    CANCEL = "imagesearch.cancel"
    DELETE = "imagesearch.delete"
    RECONCILE = "imagesearch.reconcile"


class FailureCode(StrEnum):
    """Say why one picture could not be indexed: a closed set, one code per cause."""

    UNREADABLE = "unreadable"
    """The bytes begin as a picture that is indexed, and are damaged beyond decoding."""
    TRUNCATED = "truncated"
    """The picture ends before its data does."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """A picture or file of a format that is not indexed."""
    TOO_LARGE = "too_large"
    """More pixels or bytes than the limits allow."""
    TOO_SMALL = "too_small"
    """Fewer pixels than the limits ask for."""
    EMPTY = "empty"
    """The file holds no bytes."""
    VANISHED = "vanished"
    """No file lies at the path any more."""
    FORBIDDEN = "forbidden"
    """The file may not be read: permissions, or outside the allowed roots."""
    NOT_A_FILE = "not_a_file"
    """The path names a directory, socket or device."""
    IO_ERROR = "io_error"
    """The file system failed while the file was read."""
    UNSUPPORTED_NAME = "unsupported_name"
    """The file's name is not valid UTF-8, so it cannot be stored or linked."""
    ZERO_VECTOR = "zero_vector"
    """The network answered with zeros, which have no direction to compare."""
    WRONG_PIPELINE = "wrong_pipeline"
    """The worker's network or preprocessing is not the collection's."""
    CRASHES_WORKER = "crashes_worker"
    """Workers died on this picture again and again."""
    REMOVED = "removed"
    """The picture was deleted from the collection while the job ran."""


CONTENT_FAILURES = frozenset(
    {
        FailureCode.UNREADABLE,
        FailureCode.TRUNCATED,
        FailureCode.UNSUPPORTED_FORMAT,
        FailureCode.TOO_LARGE,
        FailureCode.TOO_SMALL,
        FailureCode.EMPTY,
        FailureCode.ZERO_VECTOR,
    }
)
"""Codes that speak of what lies at the path now: a vector of what lay there before is out of date."""


class JobState(StrEnum):
    """Name the states of a job; ended ones accept no more work."""

    PLANNING = "planning"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """Name the one way in which a submitted path ends."""

    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Message:
    """Carry one versioned message over the wire as a map of plain values."""

    def to_wire(self) -> dict[str, Any]:
        """Return the message as a msgpack-ready map with its version under ``v``."""
        wire: dict[str, Any] = {"v": WIRE_VERSION}
        for field in fields(self):
            wire[field.name] = _plain(getattr(self, field.name))
        return wire

    @classmethod
    def from_wire(cls, wire: object) -> Self:
        """Rebuild a message.

        Raises:
            InvalidMessage: the version is unknown, or a field is missing, unknown or of another type.
        """
        if not isinstance(wire, dict) or wire.get("v") != WIRE_VERSION:
            version = wire.get("v") if isinstance(wire, dict) else None
            raise InvalidMessage(f"{cls.__name__}: version {version!r} is not {WIRE_VERSION}")
        return cls._from_map({key: value for key, value in wire.items() if key != "v"})

    @classmethod
    def _from_map(cls, values: dict[str, Any]) -> Self:
        hints = get_type_hints(cls)
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            raise InvalidMessage(f"{cls.__name__}: fields {sorted(map(str, set(values) ^ names))} do not match")
        return cls(**{name: _typed(hints[name], values[name], f"{cls.__name__}.{name}") for name in names})


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(element) for element in value]
    return str(value) if isinstance(value, StrEnum) else value


def _typed(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_typed(get_args(hint)[0], element, where) for element in value)
    if get_origin(hint) is dict and isinstance(value, dict):
        return value
    if isinstance(hint, type):
        if issubclass(hint, Message) and isinstance(value, dict):
            return hint._from_map(value)
        if issubclass(hint, StrEnum) and isinstance(value, str) and value in set(hint):
            return hint(value)
        if hint is float and type(value) in (int, float):
            return float(value)
        if type(value) is hint:
            return value
    elif any(option is type(None) for option in get_args(hint)):
        if value is None:
            return None
        return _typed(next(option for option in get_args(hint) if option is not type(None)), value, where)
    raise InvalidMessage(f"{where}: {type(value).__name__} where {hint} belongs")


@dataclass(frozen=True, slots=True)
class PlanJob(Message):
    """Ask the indexer to list a job's source and cut it into batches."""

    job_id: str


@dataclass(frozen=True, slots=True)
class CancelJob(Message):
    """Ask the indexer to close what a cancelled job still holds."""

    job_id: str


@dataclass(frozen=True, slots=True)
class ExtractItem(Message):
    """Name one picture to extract, by catalogue id and path."""

    image_id: int
    path: str
    known_sha256: str | None
    """Content that is indexed already: equal bytes need no inference."""


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


@dataclass(frozen=True, slots=True)
class UnchangedImage(Message):
    """Report a picture whose bytes are those that are indexed already."""

    image_id: int
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class FailedImage(Message):
    """Report a picture that could not be turned into a vector, and why."""

    image_id: int
    code: FailureCode
    reason: str


@dataclass(frozen=True, slots=True)
class IndexBatch(Message):
    """Hand the indexer everything it needs to finish a batch."""

    job_id: str
    batch_id: int
    model: str
    """Identity of the network that made the vectors."""
    read_at: float
    """When the files were read, seconds since the epoch: an older reading never replaces a newer one."""
    images: tuple[ExtractedImage, ...]
    vectors: bytes
    """float32[len(images), 512], row by row, little endian."""
    unchanged: tuple[UnchangedImage, ...]
    failures: tuple[FailedImage, ...]


@dataclass(frozen=True, slots=True)
class QueryPixels(Message):
    """Ask the query extractor for the vectors of pictures that the API has decoded."""

    count: int
    pixels: bytes
    """uint8[count, 224, 224, 3], RGB."""
    deadline: float
    """Seconds since the epoch after which nobody waits for the answer."""


@dataclass(frozen=True, slots=True)
class QueryVectors(Message):
    """Answer a query with one vector per picture."""

    model: str
    vectors: bytes
    """float32[count, 512]."""


@dataclass(frozen=True, slots=True)
class FinishDeletes(Message):
    """Ask the indexer to finish what was marked as deleted in a collection, or the deletion of all of it."""

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
    """Answer a `Reconcile` or `FinishDeletes`."""

    findings: tuple[Finding, ...]

    @classmethod
    def single(cls, kind: str, count: int) -> Self:
        """Return findings of one kind."""
        return cls((Finding(kind, count, ""),))


def pack_vectors(vectors: Vectors) -> bytes:
    """Return float32[n, 512] as little-endian bytes."""
    return np.ascontiguousarray(vectors, dtype="<f4").tobytes()


def unpack_vectors(raw: bytes, count: int) -> Vectors:
    """Return the float32[count, 512] that `pack_vectors` packed.

    Raises:
        InvalidMessage: the bytes are not exactly `count` vectors.
    """
    if len(raw) != count * DIMENSION * 4:
        raise InvalidMessage(f"vectors: {len(raw)} bytes are not {count} x {DIMENSION} float32")
    return np.frombuffer(raw, dtype="<f4").reshape(count, DIMENSION)


def unpack_pixels(raw: bytes, count: int) -> Pixels:
    """Return uint8[count, 224, 224, 3] from raw bytes.

    Raises:
        InvalidMessage: the bytes are not exactly `count` pictures.
    """
    if len(raw) != count * INPUT_SIDE * INPUT_SIDE * 3:
        raise InvalidMessage(f"pixels: {len(raw)} bytes are not {count} x {INPUT_SIDE} x {INPUT_SIDE} x 3")
    return np.frombuffer(raw, dtype=np.uint8).reshape(count, INPUT_SIDE, INPUT_SIDE, 3)
