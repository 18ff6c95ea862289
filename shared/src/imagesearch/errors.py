"""One small tree of errors: permanent ones end the work, transient ones are worth another try.

Only the edge (HTTP handlers, the command line) turns these into what people see.
"""

from __future__ import annotations

from enum import StrEnum

from imagesearch.failures import FailureCode


class ImageSearchError(Exception):
    """Base of every error that this product raises on purpose."""


class PermanentError(ImageSearchError):
    """Trying again changes nothing."""


class TransientError(ImageSearchError):
    """Trying again later may succeed."""


class InvalidMessage(PermanentError):
    """A message on the wire is of another version or shape."""


class PictureRejected(PermanentError):
    """One picture cannot be read; it costs only itself.

    Attributes:
        code: the cause, from the closed set `FailureCode`.
        reason: one readable sentence without paths of the server.
    """

    def __init__(self, code: FailureCode, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class SourceRejected(PermanentError):
    """A directory cannot be a job's source.

    Attributes:
        kind: ``missing``, ``forbidden`` or ``not_a_directory``.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class PipelineMismatch(PermanentError):
    """Vectors of two pipelines would meet in one collection."""


class UnsupportedByStore(PermanentError):
    """The vector store in use cannot do what was asked."""


class NotFound(PermanentError):
    """No such collection, job or image."""


class Conflict(PermanentError):
    """The state of a collection, job or image does not allow what was asked."""


class Forbidden(PermanentError):
    """The API key does not allow what was asked, whether or not it is there."""


class UrlRefused(PermanentError):
    """A URL may not be asked, or does not answer with what is expected.

    Attributes:
        rule: what is wrong with it.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Resource(StrEnum):
    """Name what a tenant may have so much of."""

    IMAGES = "images"
    BYTES = "bytes"
    JOBS = "jobs"
    """That have not ended."""


class QuotaExceeded(PermanentError):
    """A tenant has as much as its quota allows.

    Attributes:
        resource: of what.
        used: how much of it the tenant has.
        limit: how much it may have.
        collection: whose images count; None: those of every one.
        partition: likewise.
    """

    def __init__(
        self, resource: Resource, used: int, limit: int, *, collection: str | None, partition: str | None
    ) -> None:
        named = (("partition", partition), ("collection", collection))
        tenant = " of ".join(f"{word} {name!r}" for word, name in named if name is not None)
        counted = {Resource.IMAGES: "pictures", Resource.BYTES: "bytes", Resource.JOBS: "jobs at once"}[resource]
        super().__init__(f"The quota of {tenant} is used up: its limit of {counted} is {limit:,}.")
        self.resource = resource
        self.used = used
        self.limit = limit
        self.collection = collection
        self.partition = partition


class KeyRevoked(PermanentError):
    """The API key was revoked, however long a process may go on believing in it."""


class WeightsUnavailable(PermanentError):
    """The network's weights could not be loaded; the message says what to set."""


class StoreUnavailable(TransientError):
    """A backing store does not answer.

    Attributes:
        store: ``postgres``, ``redis``, ``milvus`` or ``extractor``.
    """

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store} is not available: {reason}")
        self.store = store


class Shortage(StrEnum):
    """Name what a store has no more of."""

    MEMORY = "memory"
    DISK = "disk"
    CONNECTIONS = "connections"
    QUOTA = "quota"


class StoreFull(StoreUnavailable):
    """A backing store answers, and has no room for what it is to take; the same may work when there is some.

    Attributes:
        lacks: what it has no more of.
    """

    def __init__(self, store: str, lacks: Shortage, reason: str) -> None:
        super().__init__(store, f"no {lacks} left, {reason}")
        self.lacks = lacks


class QueryTimeout(TransientError):
    """No query extractor answered in time."""
