"""Hold what the indexer's functions work with: built once a process, or by tests with twins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from threading import Event
from typing import Protocol, cast

from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.catalog.jobs import Job
from imagesearch.catalog.jobs.batches import Batch
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.contract import IndexBatch, JobKind, TaskName
from imagesearch.files.exports import Exports
from imagesearch.files.roots import Roots, UploadStore
from imagesearch.messaging.claims import InFlight
from imagesearch.messaging.progress import ProgressBoard
from imagesearch.vectors import IndexSpec, IndexType, VectorStore
from imagesearch.wire import Message
from imagesearch.worker.registry import WorkerReport
from imagesearch_indexer.settings import IndexerSettings
from imagesearch_indexer.shares import Dispatching
from imagesearch_indexer.target import Target


class Send(Protocol):
    """Publish a message; raises `StoreUnavailable`."""

    def __call__(
        self, task: TaskName, message: Message, task_id: str | None = None, *, queue: str | None = None
    ) -> None:
        """Publish it to a queue, or to that of its task."""


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Indexer:
    """Bundle the stores, the way to send messages, the settings, and what each kind of job does in its own way.

    Attributes:
        send: publishes a message, optionally under a task id and to a queue; raises `StoreUnavailable`.
        roots: directories under which pictures may be read.
        kinds: by the kind of a job; `tasks.KINDS`.
        workers: returns the live ones; raises `StoreUnavailable`.
        exports: where exports are kept; None where nothing is exported.
        claims_hold: tells whether live workers can have claimed what they have in hand: they could not while Redis
            was away or full.
        dispatching: what this process knows of the room for batches.
        stopping: set when the process was told to stop.
    """

    catalog: Catalog
    vectors: VectorStore
    progress: ProgressBoard
    in_flight: InFlight
    send: Send
    roots: Roots
    settings: IndexerSettings
    kinds: Mapping[JobKind, Kind]
    exports: Exports | None = None
    workers: Callable[[], Sequence[WorkerReport]] = tuple
    claims_hold: Callable[[], bool] = _always
    dispatching: Dispatching = field(default_factory=Dispatching)
    stopping: Event = field(default_factory=Event)

    @cached_property
    def uploads(self) -> UploadStore | None:
        """Return the uploaded pictures, whose files go with their images; None where there are none."""
        return self.roots.upload_store

    def ensure_vectors(self, collection: Collection | ReindexBuild, *, wait: bool = True) -> None:
        """Make the vectors' side of a collection, or of one that is being built, unless it is there.

        Args:
            collection: whose.
            wait: until it can be searched; it can be written to at once.

        Raises:
            StoreUnavailable: the vector store does not answer.
        """
        spec = IndexSpec(cast(IndexType, collection.index_type), collection.index_params)
        self.vectors.ensure_collection(collection.vector_collection, spec, collection.dimension, wait=wait)


@dataclass(frozen=True, slots=True)
class HeldBatch:
    """Hold what one transaction settles a batch with.

    Attributes:
        batch: its row, locked.
        job: as it was when the batch was locked.
        collection: held by a shared lock.
        open_images: the pictures of the batch that have no outcome.
    """

    batch: Batch
    job: Job
    collection: Collection
    open_images: frozenset[int]


class NotSettled(Enum):
    """Say why nothing of an answer is written."""

    PUT_OFF = "the batch is sent again, for the pipeline that its collection has by then"
    DROPPED = "what the batch was for is given up"


@dataclass(frozen=True, slots=True)
class Extraction:
    """Name how a kind of job has pictures extracted; each works within the caller's transaction.

    Attributes:
        target: says what the job's batches are for now.
        settle: writes the answer to a batch, and returns the outcome of each of its open pictures that need not
            be read again.
        fail: notes that pictures have no vector, because no worker survives them.
    """

    target: Callable[[Indexer, Transaction, Job, Collection], Target]
    settle: Callable[[Indexer, Transaction, HeldBatch, IndexBatch], Sequence[ItemOutcome] | NotSettled]
    fail: Callable[[Indexer, Transaction, Job, Sequence[int]], None]


def _nothing(_: Indexer, __: Job) -> bool:
    """Do nothing: most kinds have nothing of their own to do here."""
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """Name what a kind of job does in its own way; everything else is the same for all of them.

    Attributes:
        plan: works on a job for a time slice.
        extraction: how it has pictures extracted; None where it sends no batches.
        finish: does what is left to do when every path has its outcome, before the job ends.
        cancel: gives up what a job has made so far, so that nobody adds to it any more.

    The last two may be killed and repeated. They return whether nothing is left to do: what grows with the job is
    done in time slices.
    """

    plan: Callable[[Indexer, Job], None]
    extraction: Extraction | None = None
    finish: Callable[[Indexer, Job], bool] = _nothing
    cancel: Callable[[Indexer, Job], bool] = _nothing
