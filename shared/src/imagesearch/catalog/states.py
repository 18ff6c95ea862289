"""Name what a row of the catalogue can be; the database holds the same words. `JobState` and `JobKind` travel as
well, so they belong to the contract."""

from __future__ import annotations

from enum import StrEnum


class JobOrigin(StrEnum):
    """Name who submitted a job."""

    V1 = "v1"
    V2 = "v2"
    SINGLE_IMAGE = "single"
    """An upload or a change of one picture; jobs of this origin are not listed."""
    REPAIR = "repair"
    """Reconciliation, which indexes again what lost its vector."""


class CollectionState(StrEnum):
    """Name the states of a collection; whoever asks by name finds active ones alone."""

    ACTIVE = "active"
    DELETING = "deleting"
    DELETED = "deleted"
    """Its images are gone; the row stays, because the jobs of the collection refer to it."""


class ImageState(StrEnum):
    """Name the states of an image."""

    PENDING = "pending"
    """It has no vector yet, or has lost it."""
    INDEXED = "indexed"
    """Its row names its vector; no other state does."""
    FAILED = "failed"


class CallbackState(StrEnum):
    """Name the states of a callback."""

    WAITING = "waiting"
    """For its first attempt or another one, or for the end of one."""
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class BatchState(StrEnum):
    """Name the states of a batch."""

    READY = "ready"
    SENT = "sent"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Tell whether every picture of the batch has its outcome."""
        return self in (BatchState.DONE, BatchState.CANCELLED)


class BuildState(StrEnum):
    """Name the states of a reindex build."""

    BUILDING = "building"
    SWITCHED = "switched"
    """Searches use it."""
    ABANDONED = "abandoned"


class BuildPhase(StrEnum):
    """Say how near a build that extracts is to its end: other jobs of the collection make room for it then."""

    FILLING = "filling"
    CATCHING_UP = "catching_up"
    LAST_ROUND = "last_round"
