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


class ConflictCode(StrEnum):
    """Name what stands against a request, whatever else is right about it."""

    NAME_TAKEN = "name_taken"
    """A collection or an alias has the name."""
    IS_ALIAS = "is_alias"
    """The name is an alias, where the collection's own is asked for."""
    REINDEX_RUNNING = "reindex_running"
    """The collection is being reindexed, or still follows its last reindex."""
    COLLECTION_DELETING = "collection_deleting"
    """The collection is being deleted."""
    WEIGHTS_DIFFER = "weights_differ"
    """The workers run the network with several weights."""
    JOB_STATE = "job_state"
    """The job is in a state that does not allow it."""
    IDEMPOTENCY_KEY_USED = "idempotency_key_used"
    """The Idempotency-Key was sent with another request before."""
    SHOWN_ONCE = "shown_once"
    """The request made an API key before, which is shown once."""
    KEY_TAKEN = "key_taken"
    """Another image of the partition has the key, or the image has another one."""
    KEY_AMBIGUOUS = "key_ambiguous"
    """Images of several partitions have the key."""
    IMAGE_NOT_INDEXED = "image_not_indexed"
    """The image has no vector yet."""
    IMAGE_DELETED = "image_deleted"
    """The image was deleted while it was being written."""
    IMAGE_MOVED = "image_moved"
    """The content was uploaded before, and moved to another partition."""
    WRITE_FAILED = "write_failed"
    """The picture could not be written; the detail says why."""
    TOO_MANY_IMAGES = "too_many_images"
    """There are more images than are compared while the caller waits."""
    UPLOADS_OFF = "uploads_off"
    """The server takes no uploads."""
    EXPORTS_OFF = "exports_off"
    """The server keeps no exports."""
    FILE_CHANGED = "file_changed"
    """The file of the image is not the one that was indexed."""
    NOT_EXPLAINABLE = "not_explainable"
    """The network shows nothing by which a similarity could be explained."""
    LAST_ADMIN_KEY = "last_admin_key"
    """Nobody could administer the system any more."""


class Conflict(PermanentError):
    """The state of a collection, job or image does not allow what was asked.

    Attributes:
        code: what stands against it.
    """

    def __init__(self, reason: str, code: ConflictCode) -> None:
        super().__init__(reason)
        self.code = code


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
        store: ``postgres``, ``redis``, ``milvus``, ``uploads`` (in an object store), ``exports`` or
            ``extractor``.
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
