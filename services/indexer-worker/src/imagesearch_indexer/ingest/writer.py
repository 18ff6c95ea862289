"""Write the answer to a batch into a collection: vectors into Milvus, then the rows that name them."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.labels import NO_LABELS
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.reindex.builds import ThrottleLevel
from imagesearch.catalog.states import ImageState, JobOrigin
from imagesearch.contract import ExtractedImage, IndexBatch, Outcome, UnchangedImage, Vectors, unpack_vectors
from imagesearch.errors import NotFound, PipelineMismatch
from imagesearch.failures import CONTENT_FAILURES, FailureCode
from imagesearch_indexer.composition import HeldBatch, Indexer, NotSettled, Target
from imagesearch_indexer.ingest.labels import update_labels

log = structlog.get_logger()

REMOVED_REASON = "The picture was deleted from the collection while the job ran."


def target(indexer: Indexer, tx: Transaction, _: jobs.Job, collection: Collection) -> Target:
    """Say that pictures are extracted for their collection, of which a build may leave no more than some room."""
    limit = in_flight_limit(_throttle_level(indexer, tx, collection), window=indexer.settings.window)
    return Target(collection.model, collection.preprocessing, limit)


def in_flight_limit(level: ThrottleLevel, *, window: int) -> int:
    """Return how many batches a job that is not a build may have on their way.

    A build that catches up has many times the room of each other job of its collection, so that each of its
    rounds has less to do than the one before.
    """
    return {ThrottleLevel.OPEN: window, ThrottleLevel.REDUCED: 1, ThrottleLevel.CLOSED: 0}[level]


def settle(
    indexer: Indexer, tx: Transaction, held: HeldBatch, message: IndexBatch
) -> Sequence[ItemOutcome] | NotSettled:
    """Write vectors and rows, and return the outcome of each open picture.

    Raises:
        InvalidMessage: the vectors are not what the message says.
        StoreUnavailable: a store went away; the batch may be written again.
    """
    collection = held.collection
    if (
        message.generation != collection.generation
        or _throttle_level(indexer, tx, collection) is ThrottleLevel.CLOSED
    ):
        # The pipeline of the collection was replaced while the batch was on its way, or will be in a moment.
        return NotSettled.PUT_OFF
    vectors = unpack_vectors(message.vectors, len(message.images))
    rows = images.lock(tx, held.open_images)
    answer = decide(message, held.open_images, rows, refusal=_refusal(tx, collection, message))
    given = ledger.labels_in_batch(tx, held.batch.id)
    written = [rows[extracted.image_id] for extracted in answer.written]
    labels = [given.get(row.id, NO_LABELS).over(held.job.labels).on(row) for row in written]
    _write_vectors(indexer, collection, answer, vectors, labels)
    images.mark_indexed(tx, answer.written, read_at=message.read_at, labels=labels)
    images.mark_seen(tx, answer.seen)
    images.mark_failed(tx, answer.without_vector)
    if held.job.origin == JobOrigin.SINGLE_IMAGE:
        update_labels(indexer, tx, collection, [rows[image_id] for image_id in answer.outdated], given)
    return answer.settled


def fail(_: Indexer, tx: Transaction, __: jobs.Job, image_ids: Sequence[int]) -> None:
    """Note that pictures which nothing was ever indexed of have no vector; an older vector stays."""
    images.mark_failed(
        tx, [row.id for row in images.lock(tx, image_ids).values() if row.state == ImageState.PENDING]
    )


def _throttle_level(indexer: Indexer, tx: Transaction, collection: Collection) -> ThrottleLevel:
    """Return what the jobs of a collection may do now that are not its build."""
    return builds.throttle_level(tx, collection.id, timeout=indexer.settings.last_round_timeout)


def _refusal(tx: Transaction, collection: Collection, message: IndexBatch) -> str | None:
    """Return why the network of an answer is not the collection's; the first network becomes it."""
    try:
        if message.images or message.unchanged:
            collections.pin_model(tx, collection, message.model)
    except PipelineMismatch as error:
        return str(error)
    return None


@dataclass
class Answer:
    """Hold what the answer to a batch means.

    Attributes:
        settled: the outcome of each open picture.
        written: images that get a vector.
        positions: rows of the message's vectors, parallel to `written`.
        seen: images whose files are as they were.
        without_vector: images that are to have none from now on.
        stale: those among them that have one now.
        outdated: images that were read again after what the message brings.
    """

    settled: list[ItemOutcome] = field(default_factory=list)
    written: list[ExtractedImage] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    seen: list[UnchangedImage] = field(default_factory=list)
    without_vector: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    outdated: list[int] = field(default_factory=list)


def decide(
    message: IndexBatch, waiting: Container[int], rows: Mapping[int, Image], *, refusal: str | None
) -> Answer:
    """Decide what becomes of each open picture of a batch; nothing here asks a store.

    Args:
        message: the answer.
        waiting: the open pictures.
        rows: their rows by id; a picture that was deleted has none.
        refusal: why the network that answered is not the collection's; None where it is.
    """
    answer = Answer()
    for image_id in sorted(set(waiting) - rows.keys()):
        _fail(answer, image_id, FailureCode.REMOVED, REMOVED_REASON)
    waiting = set(waiting) & rows.keys()
    if refusal is not None:
        for image_id in sorted(waiting):
            _fail(answer, image_id, FailureCode.WRONG_PIPELINE, refusal)
            _drop_pending(answer, rows[image_id])
        return answer
    for position, extracted in enumerate(message.images):
        if extracted.image_id in waiting:
            _decide_extracted(answer, rows[extracted.image_id], message, position)
    for seen in message.unchanged:
        if seen.image_id in waiting:
            _decide_unchanged(answer, rows[seen.image_id], seen)
    for failure in message.failures:
        if failure.image_id in waiting:
            _fail(answer, failure.image_id, failure.code, failure.reason)
            _decide_failed(answer, rows[failure.image_id], message, failure.code)
    return answer


def _fail(answer: Answer, image_id: int, code: FailureCode, reason: str) -> None:
    answer.settled.append(ItemOutcome(image_id, Outcome.FAILED, code, reason))


def _decide_extracted(answer: Answer, row: Image, message: IndexBatch, position: int) -> None:
    if row.state == ImageState.DELETING:
        _fail(answer, row.id, FailureCode.REMOVED, REMOVED_REASON)
        return
    answer.settled.append(ItemOutcome(row.id, Outcome.INDEXED))
    if _is_newest(row, message):
        answer.written.append(message.images[position])
        answer.positions.append(position)
    else:
        answer.outdated.append(row.id)


def _decide_unchanged(answer: Answer, row: Image, seen: UnchangedImage) -> None:
    if row.state != ImageState.INDEXED:
        _fail(answer, row.id, FailureCode.REMOVED, REMOVED_REASON)
        return
    answer.settled.append(ItemOutcome(row.id, Outcome.UNCHANGED))
    answer.seen.append(seen)


def _decide_failed(answer: Answer, row: Image, message: IndexBatch, code: FailureCode) -> None:
    if row.state == ImageState.INDEXED and _is_newest(row, message) and code in CONTENT_FAILURES:
        # What lies at the path now is not what its vector was made from: the vector must not be found.
        answer.without_vector.append(row.id)
        answer.stale.append(row.id)
    else:
        _drop_pending(answer, row)


def _drop_pending(answer: Answer, row: Image) -> None:
    if row.state == ImageState.PENDING:
        answer.without_vector.append(row.id)


def _is_newest(row: Image, message: IndexBatch) -> bool:
    return row.read_at is None or row.read_at <= message.read_at


def _write_vectors(
    indexer: Indexer,
    collection: Collection,
    answer: Answer,
    vectors: Vectors,
    labels: Sequence[tuple[str, Mapping[str, Any]]],
) -> None:
    ids = np.array([extracted.image_id for extracted in answer.written], dtype=np.int64)

    def write() -> None:
        if answer.stale:
            indexer.vectors.delete(collection.vector_collection, answer.stale)
        if len(ids):
            indexer.vectors.upsert(
                collection.vector_collection,
                ids,
                vectors[answer.positions],
                partitions=[partition for partition, _ in labels],
                metadata=[metadata for _, metadata in labels],
            )

    try:
        write()
    except NotFound:
        # A vector store that lost its data: what was in it is indexed again by the next sweep.
        log.warning("vectors.lost", collection=collection.name)
        indexer.ensure_vectors(collection)
        write()
