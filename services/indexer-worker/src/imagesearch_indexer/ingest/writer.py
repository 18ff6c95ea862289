"""Write the answer to a batch into a collection: vectors into Milvus, then the rows that name them.

The rows are locked first. A vector is written under a key of its own and named by its row in the transaction that
settles the batch: what a crash leaves behind is a vector that nothing names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imagesearch.catalog import collections, images, jobs, keys, naming, own_keys
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.catalog.naming import Named
from imagesearch.catalog.own_keys import Given
from imagesearch.catalog.reindex import builds, exceptions
from imagesearch.catalog.reindex.builds import ThrottleLevel
from imagesearch.catalog.states import ImageState, JobOrigin
from imagesearch.contract import IndexBatch, Queue, unpack_vectors
from imagesearch.errors import PipelineMismatch
from imagesearch.failures import FailureCode
from imagesearch.networks import queue_for
from imagesearch_indexer.composition import HeldBatch, Indexer, NotSettled
from imagesearch_indexer.ingest.answer import KEY_REASON, Answer, OpenImage, Written, decide, is_of_another
from imagesearch_indexer.ingest.given import beside_facts, facts_read, given_to
from imagesearch_indexer.ingest.labels import put_vectors, relabel
from imagesearch_indexer.ingest.quotas import keep_within_quotas
from imagesearch_indexer.target import Target


def target(indexer: Indexer, tx: Transaction, _: jobs.Job, collection: Collection) -> Target:
    """Say that pictures are extracted for their collection, of which a build may leave no more than some room."""
    limit = in_flight_limit(_throttle_level(indexer, tx, collection))
    queue = queue_for(Queue.EXTRACT, collection.network, collection.model)
    return Target(queue, collection.model, collection.preprocessing, limit)


def in_flight_limit(level: ThrottleLevel) -> int | None:
    """Return how many batches a job that is not a build may have on their way; None where nothing limits it alone.

    A build that catches up has many times the room of each other job of its collection, so that each of its
    rounds has less to do than the one before.
    """
    return {ThrottleLevel.OPEN: None, ThrottleLevel.REDUCED: 1, ThrottleLevel.CLOSED: 0}[level]


def settle(
    indexer: Indexer, tx: Transaction, held: HeldBatch, message: IndexBatch
) -> Sequence[ItemOutcome] | NotSettled:
    """Write vectors and rows, and return the outcome of each open picture that need not be read again.

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
    refusal = None
    try:
        if message.images or message.unchanged:
            collection = collections.pin_model(tx, collection, message.model)
    except PipelineMismatch as error:
        refusal = str(error)
    if is_of_another(message, collection.model):
        return NotSettled.PUT_OFF
    rows = naming.lock(tx, collection, held.open_images)
    # Read under the locks: a change that has overtaken this one has left its labels here before it wrote the row.
    given = ledger.labels_in_batch(tx, held.batch.id)
    facts = facts_read(message, rows)
    there = {
        row.id: OpenImage(row, _labels(held.job, row, given, facts), held.job.origin)
        for row in rows.values()
        # Moved to another partition since: for this job it is as gone as if it were deleted.
        if held.job.tenancy.holds_partition(row.partition)
    }
    answer = decide(message, held.open_images, there, refusal=refusal)
    if held.job.adds_pictures:
        keep_within_quotas(tx, collection, answer, there)
    taken = own_keys.give(tx, collection.id, _given_keys(answer, there))
    answer.refuse(dict.fromkeys(taken, (FailureCode.KEY_TAKEN, KEY_REASON)), there)
    images.mark_failed(tx, answer.bare)
    naming.unname(tx, collection, [there[image_id].row for image_id in answer.unnamed], ImageState.FAILED)
    new_keys = keys.draw(tx, len(answer.written))
    named = [_named(there[one.image_id], key, one) for one, key in zip(answer.written, new_keys, strict=True)]
    if named:
        vectors = unpack_vectors(message.vectors, len(message.images), collection.dimension)
        put_vectors(indexer, collection, named, vectors[[one.position for one in answer.written]])
    naming.name(tx, collection, named)
    # A build has found something else in these files, and now they are what the rows say: under a new key it looks
    # at them again.
    doubted = exceptions.in_open_build(tx, collection.id, [seen.image_id for seen in answer.seen])
    again = sorted(doubted.union(answer.relabelled))
    lost = relabel(indexer, tx, collection, [there[image_id] for image_id in again])
    # Behind the labels, which are written beside what was known of the file before.
    images.mark_seen(tx, [seen for seen in answer.seen if seen.image_id not in lost])
    if held.job.origin is JobOrigin.SINGLE_IMAGE:
        _drop_refused_upload(tx, collection, answer, there)
    return [item for item in answer.settled if item.image_id not in lost]


def _labels(
    job: jobs.Job, row: Image, given: Mapping[int, Labels], facts: Mapping[int, Mapping[str, Any]]
) -> Labels:
    labels = given_to(job, row.path, given.get(row.id, NO_LABELS))
    return beside_facts(job, row, labels, facts.get(row.id))


def _drop_refused_upload(
    tx: Transaction, collection: Collection, answer: Answer, there: Mapping[int, OpenImage]
) -> None:
    """Leave nothing of an upload that does not fit into a quota, or may not have its key: nobody knows of it."""
    codes = (FailureCode.QUOTA_EXCEEDED, FailureCode.KEY_TAKEN)
    refused = [item.image_id for item in answer.settled if item.code in codes]
    uploads = [image_id for image_id in refused if there[image_id].row.uploaded]
    naming.delete(tx, collection, uploads, is_wanted=lambda row: row.vector_key is None)


def _given_keys(answer: Answer, there: Mapping[int, OpenImage]) -> list[Given]:
    """Return the keys of the pictures that get another one, or take theirs to another partition."""
    given = []
    for image in map(there.__getitem__, sorted(answer.indexed())):
        own_key, partition = image.labels.own_key or image.row.own_key, image.labels.on(image.row)[0]
        if own_key is not None and (own_key, partition) != (image.row.own_key, image.row.partition):
            given.append(Given(image.row.id, partition, own_key))
    return given


def _named(image: OpenImage, key: int, written: Written) -> Named:
    return Named(image.row, key, *image.labels.on(image.row), facts=written.facts)


def fail(_: Indexer, tx: Transaction, __: jobs.Job, image_ids: Sequence[int]) -> None:
    """Note that pictures which nothing was ever indexed of have no vector; an older vector stays."""
    images.mark_failed(tx, list(images.lock(tx, image_ids)))


def _throttle_level(indexer: Indexer, tx: Transaction, collection: Collection) -> ThrottleLevel:
    """Return what the jobs of a collection may do now that are not its build."""
    return builds.throttle_level(tx, collection.id, timeout=indexer.settings.last_round_timeout)
