"""Have pictures extracted for a build, and write the answers: vectors beside the index in use, and outcomes.

Once the collection has been switched to its build, what is left of the job is indexed like any list of paths.
"""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imagesearch.catalog import images, jobs, keys, tombstones
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.reindex import builds, contents, exceptions
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.catalog.reindex.contents import Source
from imagesearch.catalog.reindex.exceptions import ExceptionRecord
from imagesearch.catalog.states import BuildState
from imagesearch.contract import (
    ExtractedImage,
    FailedImage,
    IndexBatch,
    Outcome,
    Queue,
    Vectors,
    unpack_vectors,
)
from imagesearch.errors import NotFound, PipelineMismatch
from imagesearch.failures import FailureCode
from imagesearch.networks import queue_for
from imagesearch_indexer.composition import Extraction, HeldBatch, Indexer, NotSettled
from imagesearch_indexer.ingest.answer import is_of_another
from imagesearch_indexer.reindex.fill import LEFT_REASON
from imagesearch_indexer.target import Target


def target(
    indexer: Indexer, tx: Transaction, job: jobs.Job, collection: Collection, *, after_switch: Extraction
) -> Target:
    """Say that every picture is extracted anew for the build, beside which others make room."""
    build = builds.get(tx, job.id)
    if build is None or not build.is_building:
        return after_switch.target(indexer, tx, job, collection)
    queue = queue_for(Queue.EXTRACT, build.network, build.model)
    return Target(queue, build.model, build.preprocessing, anew=True)


def settle(
    indexer: Indexer, tx: Transaction, held: HeldBatch, message: IndexBatch, *, after_switch: Extraction
) -> Sequence[ItemOutcome] | NotSettled:
    """Write the vectors of a batch into the build, and return the outcome of each of its open pictures.

    Raises:
        InvalidMessage: the vectors are not what the message says.
        StoreUnavailable: a store went away; the batch may be written again.
    """
    build = builds.lock_shared(tx, held.job.id)
    if build is None or build.state == BuildState.SWITCHED:
        return after_switch.settle(indexer, tx, held, message)
    if not build.is_building:
        return NotSettled.DROPPED
    if is_of_another(message, build.model):
        return NotSettled.PUT_OFF
    return _write_batch(indexer, tx, build, message, held.open_images)


def fail(
    indexer: Indexer, tx: Transaction, job: jobs.Job, image_ids: Sequence[int], *, after_switch: Extraction
) -> None:
    """Note that the build has no vectors of pictures which no worker survives."""
    build = builds.lock_shared(tx, job.id)
    if build is None or not build.is_building:
        after_switch.fail(indexer, tx, job, image_ids)
    else:
        _note_failures(tx, build, list(images.lock(tx, image_ids)))


def _write_batch(
    indexer: Indexer, tx: Transaction, build: ReindexBuild, message: IndexBatch, waiting: Container[int]
) -> list[ItemOutcome]:
    """Write a batch of a build.

    The rows of the images stay as they are until the switch: searches go on with the old vectors. A network
    that is not the build's fails the whole job, because pictures that it left out could not be found.
    """
    images.lock(tx, waiting)
    rows = contents.sources(tx, waiting)
    refusal = _refusal(tx, build, message)
    if refusal is not None:
        jobs.fail(tx, build.job_id, refusal)
    answer = decide(message, waiting, rows, refusal=refusal)
    new_keys = keys.draw(tx, len(answer.changed))
    changed = [
        ExceptionRecord(facts.image_id, rows[facts.image_id].vector_key, key, facts)
        for facts, key in zip((message.images[position] for position in answer.changed), new_keys, strict=True)
    ]
    as_known = [rows[message.images[position].image_id].vector_key for position in answer.as_known]
    positions = [*answer.as_known, *answer.changed]
    read = [rows[message.images[position].image_id] for position in positions]
    written = dict(zip([*as_known, *new_keys], read, strict=True))
    if written:
        vectors = unpack_vectors(message.vectors, len(message.images), build.dimension)
        _write(indexer, tx, build, written, vectors[positions])
    spoken_of = [message.images[position].image_id for position in positions] + answer.without_vector
    tombstones.bury_in(tx, [build.vector_collection], exceptions.forget(tx, build.job_id, spoken_of))
    exceptions.record(tx, build.job_id, changed)
    _note_failures(tx, build, answer.without_vector)
    return answer.settled


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what the answer to a batch means for a build.

    Attributes:
        settled: the outcome of each open picture; one without an outcome is read again.
        as_known: rows of the message's vectors that were made of the bytes that the images' rows speak of.
        changed: rows of the message's vectors of files that hold other bytes than that.
        without_vector: images that the build has none of, as they are now.
    """

    settled: list[ItemOutcome]
    as_known: list[int]
    changed: list[int]
    without_vector: list[int]


def decide(
    message: IndexBatch, waiting: Container[int], rows: Mapping[int, Source], *, refusal: str | None
) -> Answer:
    """Decide what becomes of each open picture of a batch; nothing here asks a store.

    What was made of the bytes that the row speaks of is right whenever they were read. Anything else that is said
    of a picture counts where its row has the version that it had when it was sent; otherwise it is read again.

    Args:
        message: the answer.
        waiting: the open pictures.
        rows: their indexed rows by id; a picture that was deleted, or is not indexed any more, has none.
        refusal: why the network that answered is not the build's; None where it is.
    """
    if refusal is not None:
        refused = [_failed(image_id, FailureCode.WRONG_PIPELINE, refusal) for image_id in sorted(waiting)]
        return Answer(refused, [], [], [])
    there = set(waiting) & rows.keys()
    said: list[ExtractedImage | FailedImage] = [*message.images, *message.failures]
    is_current = {
        one.image_id
        for one in said
        if one.image_id in there and one.expected_version == rows[one.image_id].version
    }
    images = [(position, image) for position, image in enumerate(message.images) if image.image_id in there]
    as_known = [at for at, image in images if image.sha256 == rows[image.image_id].sha256]
    changed = [at for at, image in images if image.image_id in is_current and at not in as_known]
    failures = [failure for failure in message.failures if failure.image_id in is_current]
    settled = [
        *(_failed(gone, FailureCode.REMOVED, LEFT_REASON) for gone in sorted(set(waiting) - there)),
        *(ItemOutcome(message.images[at].image_id, Outcome.INDEXED) for at in sorted((*as_known, *changed))),
        *(_failed(failure.image_id, failure.code, failure.reason) for failure in failures),
    ]
    return Answer(settled, as_known, changed, [failure.image_id for failure in failures])


def _failed(image_id: int, code: FailureCode, reason: str) -> ItemOutcome:
    return ItemOutcome(image_id, Outcome.FAILED, code, reason)


def _note_failures(tx: Transaction, build: ReindexBuild, image_ids: Sequence[int]) -> None:
    """Record that a build can have no vectors of these images as they are now."""
    rows = contents.sources(tx, image_ids)
    tombstones.bury_in(tx, [build.vector_collection], exceptions.forget(tx, build.job_id, rows))
    exceptions.record(tx, build.job_id, [ExceptionRecord(row.id, row.vector_key) for row in rows.values()])


def _refusal(tx: Transaction, build: ReindexBuild, message: IndexBatch) -> str | None:
    mismatch = next((failure for failure in message.failures if failure.code == FailureCode.WRONG_PIPELINE), None)
    if mismatch is not None:
        return mismatch.reason
    try:
        if message.images:
            builds.pin_model(tx, build, message.model)
    except PipelineMismatch as error:
        return str(error)
    return None


def _write(
    indexer: Indexer,
    tx: Transaction,
    build: ReindexBuild,
    written: Mapping[int, Source],
    vectors: Vectors,
) -> None:
    """Write vectors under their keys, each with the labels of its row."""

    def upsert() -> None:
        indexer.vectors.upsert(
            build.vector_collection,
            list(written),
            vectors,
            partitions=[row.partition for row in written.values()],
            metadata=[row.metadata for row in written.values()],
        )

    try:
        upsert()
    except NotFound:
        # A store that lost its data: all of it is looked for once more, and filled in again, before the switch.
        indexer.ensure_vectors(build)
        builds.verify(tx, build, 0)
        upsert()
