"""Write a batch: vectors into Milvus, then rows, outcomes and counters in one Postgres transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches, counters, ledger
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.labels import NO_LABELS
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.reindex.builds import ThrottleLevel
from imagesearch.contract import (
    ExtractedImage,
    IndexBatch,
    JobState,
    Outcome,
    UnchangedImage,
    Vectors,
    unpack_vectors,
)
from imagesearch.errors import InvalidMessage, NotFound, PipelineMismatch
from imagesearch.failures import CONTENT_FAILURES, FailureCode
from imagesearch.telemetry import IMAGES_FAILED, IMAGES_FINISHED
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.ingest.labels import update_labels
from imagesearch_indexer.lifecycle.dispatch import ask_for_planning, dispatch, throttle_level
from imagesearch_indexer.lifecycle.finish import end_job
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.reindex.writer import write_batch

log = structlog.get_logger()

REMOVED_REASON = "The picture was deleted from the collection while the job ran."


def index_batch(indexer: Indexer, message: IndexBatch) -> None:
    """Finish a batch: any number of deliveries leave what one would.

    Raises:
        InvalidMessage: the message does not speak of every open picture of its batch.
        StoreUnavailable: a store went away; nothing of the batch is counted, and all of it may be repeated.
    """
    vectors = unpack_vectors(message.vectors, len(message.images))
    with indexer.catalog.transaction() as tx:
        ended = _settle(indexer, tx, message, vectors)
    if ended is None:
        log.info("batch.already_done", job=message.job_id, batch=message.batch_id)
        return
    job = ended.job
    # Counted after the commit: a transaction that is tried again must not count twice.
    for outcome, count in ended.outcomes.items():
        IMAGES_FINISHED.labels(outcome.value).inc(count)
    for code, count in ended.codes.items():
        IMAGES_FAILED.labels(code.value).inc(count)
    show(indexer, job)
    dispatch(indexer, job.id)
    if job.kind != jobs.INDEX and job.needs_planner and (job.done == job.total or job.error is not None):
        # A build with nothing on its way looks for what it still lacks.
        ask_for_planning(indexer, job.id)
    end_job(indexer, job.id)


@dataclass(frozen=True, slots=True)
class _Ended:
    """Hold what a batch has come to."""

    job: jobs.Job
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    codes: Counter[FailureCode] = field(default_factory=Counter)


def _settle(indexer: Indexer, tx: Transaction, message: IndexBatch, vectors: Vectors) -> _Ended | None:
    """Write everything about a batch; None when it had ended before. The commit is the caller's."""
    batch = batches.lock(tx, message.batch_id)
    if batch is None or batch.state in ("done", "cancelled"):
        return None
    job = jobs.get(tx, batch.job_id)
    collection = collections.lock_shared(tx, job.collection_id)
    build = builds.lock_shared(tx, job.id) if job.kind == jobs.REINDEX else None
    is_over = job.state == JobState.CANCELLED or collection.state != "active"
    settled: Sequence[ItemOutcome] = ()
    if is_over or (build is not None and build.state == builds.ABANDONED):
        outcomes = ledger.cancel_batch(tx, batch.id)
        batches.close(tx, batch.id, "cancelled")
    elif build is not None and build.is_building:
        settled = write_batch(indexer, tx, build, message, _waiting(tx, message))
        outcomes = _end(tx, batch.id, settled)
    elif (
        message.generation != collection.generation
        or throttle_level(indexer, tx, collection) is ThrottleLevel.CLOSED
    ):
        # The pipeline of the collection was replaced while the batch was on its way, or will be in a moment.
        log.info("batch.put_off", job=job.id, batch=batch.id)
        batches.make_ready(tx, batch.id, crashes=batch.crashes)
        return _Ended(job)
    else:
        work = _decide(tx, message, _waiting(tx, message), collection)
        given = ledger.labels_in_batch(tx, batch.id)
        rows = [work.rows[extracted.image_id] for extracted in work.written]
        labels = [given.get(row.id, NO_LABELS).over(job.labels).on(row) for row in rows]
        _write_vectors(indexer, collection, work, vectors, labels)
        images.mark_indexed(tx, work.written, read_at=message.read_at, labels=labels)
        images.mark_seen(tx, work.seen)
        images.mark_failed(tx, work.without_vector)
        if job.origin == jobs.SINGLE_IMAGE:
            update_labels(indexer, tx, collection, [work.rows[image_id] for image_id in work.outdated], given)
        settled = work.settled
        outcomes = _end(tx, batch.id, settled)
    codes = Counter(item.code for item in settled if item.code is not None)
    return _Ended(counters.count(tx, job.id, outcomes, worked=True), outcomes, codes)


def _waiting(tx: Transaction, message: IndexBatch) -> set[int]:
    """Return the open pictures of a batch; each that still has a row is spoken of in its message."""
    waiting = ledger.open_images(tx, message.batch_id)
    spoken_of = {
        image.image_id for group in (message.images, message.unchanged, message.failures) for image in group
    }
    unsaid = waiting - spoken_of
    # A picture that was deleted before its batch was sent was not in what the extractor was given.
    if unsaid and (left_out := sorted(unsaid & images.lock(tx, waiting).keys())):
        raise InvalidMessage(f"batch {message.batch_id}: nothing is said of images {left_out[:5]}")
    return waiting


def _end(tx: Transaction, batch_id: int, settled: Sequence[ItemOutcome]) -> Counter[Outcome]:
    outcomes = ledger.settle(tx, batch_id, settled)
    batches.close(tx, batch_id)
    return outcomes


@dataclass
class _Work:
    """Collect what is to be done with the pictures of one batch.

    Attributes:
        rows: the locked image rows by id.
        positions: rows of the message's vectors that are to be written, parallel to `written`.
        without_vector: images that are to have none from now on.
        stale: those among them that have one now.
        outdated: images that were read again after what the message brings.
    """

    rows: dict[int, images.Image]
    settled: list[ItemOutcome] = field(default_factory=list)
    written: list[ExtractedImage] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    seen: list[UnchangedImage] = field(default_factory=list)
    without_vector: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    outdated: list[int] = field(default_factory=list)

    def fail(self, image_id: int, code: FailureCode, reason: str) -> None:
        self.settled.append(ItemOutcome(image_id, Outcome.FAILED, code, reason))


def _decide(tx: Transaction, message: IndexBatch, waiting: set[int], collection: collections.Collection) -> _Work:
    work = _Work(images.lock(tx, waiting))
    for image_id in sorted(waiting - set(work.rows)):
        work.fail(image_id, FailureCode.REMOVED, REMOVED_REASON)
    waiting = waiting & set(work.rows)
    try:
        if message.images or message.unchanged:
            collections.pin_model(tx, collection, message.model)
    except PipelineMismatch as error:
        for image_id in sorted(waiting):
            work.fail(image_id, FailureCode.WRONG_PIPELINE, str(error))
            _drop_pending(work, image_id)
        return work
    for position, extracted in enumerate(message.images):
        if extracted.image_id in waiting:
            _decide_extracted(work, message, position, extracted)
    for seen in message.unchanged:
        if seen.image_id in waiting:
            _decide_unchanged(work, seen)
    for failure in message.failures:
        if failure.image_id in waiting:
            work.fail(failure.image_id, failure.code, failure.reason)
            _decide_failed(work, message, failure.image_id, failure.code)
    return work


def _decide_extracted(work: _Work, message: IndexBatch, position: int, extracted: ExtractedImage) -> None:
    row = work.rows[extracted.image_id]
    if row.state == "deleting":
        work.fail(extracted.image_id, FailureCode.REMOVED, REMOVED_REASON)
        return
    work.settled.append(ItemOutcome(extracted.image_id, Outcome.INDEXED))
    if row.read_at is None or row.read_at <= message.read_at:
        work.written.append(extracted)
        work.positions.append(position)
    else:
        work.outdated.append(extracted.image_id)


def _decide_unchanged(work: _Work, seen: UnchangedImage) -> None:
    if work.rows[seen.image_id].state != "indexed":
        work.fail(seen.image_id, FailureCode.REMOVED, REMOVED_REASON)
        return
    work.settled.append(ItemOutcome(seen.image_id, Outcome.UNCHANGED))
    work.seen.append(seen)


def _decide_failed(work: _Work, message: IndexBatch, image_id: int, code: FailureCode) -> None:
    row = work.rows[image_id]
    is_newest = row.read_at is None or row.read_at <= message.read_at
    if row.state == "indexed" and is_newest and code in CONTENT_FAILURES:
        # What lies at the path now is not what its vector was made from: the vector must not be found.
        work.without_vector.append(image_id)
        work.stale.append(image_id)
    else:
        _drop_pending(work, image_id)


def _drop_pending(work: _Work, image_id: int) -> None:
    if work.rows[image_id].state == "pending":
        work.without_vector.append(image_id)


def _write_vectors(
    indexer: Indexer,
    collection: collections.Collection,
    work: _Work,
    vectors: Vectors,
    labels: Sequence[tuple[str, Mapping[str, Any]]],
) -> None:
    ids = np.array([extracted.image_id for extracted in work.written], dtype=np.int64)

    def write() -> None:
        if work.stale:
            indexer.vectors.delete(collection.vector_collection, work.stale)
        if len(ids):
            indexer.vectors.upsert(
                collection.vector_collection,
                ids,
                vectors[work.positions],
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
