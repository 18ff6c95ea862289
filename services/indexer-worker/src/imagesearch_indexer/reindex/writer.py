"""Have pictures extracted for a build, and write the answers: vectors beside the index in use, and outcomes.

Once the collection has been switched to its build, what is left of the job is indexed like any list of paths.
"""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imagesearch.catalog import images, jobs
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.constants import NO_VERSION
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.reindex import builds, contents
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.catalog.reindex.contents import Source
from imagesearch.catalog.states import BuildState
from imagesearch.contract import ExtractedImage, IndexBatch, Outcome, Vectors, unpack_vectors
from imagesearch.errors import NotFound, PipelineMismatch
from imagesearch.failures import FailureCode
from imagesearch_indexer.composition import Extraction, HeldBatch, Indexer, NotSettled, Target
from imagesearch_indexer.reindex.fill import LEFT_REASON


def target(
    indexer: Indexer, tx: Transaction, job: jobs.Job, collection: Collection, *, after_switch: Extraction
) -> Target:
    """Say that every picture is extracted anew for the build, beside which others make room."""
    build = builds.get(tx, job.id)
    if build is None or not build.is_building:
        return after_switch.target(indexer, tx, job, collection)
    return Target(build.model, build.preprocessing, indexer.settings.window, anew=True)


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
    return _write_batch(indexer, tx, build, message, held.open_images)


def fail(
    indexer: Indexer, tx: Transaction, job: jobs.Job, image_ids: Sequence[int], *, after_switch: Extraction
) -> None:
    """Note that the build has no vectors of pictures which no worker survives."""
    build = builds.lock_shared(tx, job.id)
    if build is None or not build.is_building:
        after_switch.fail(indexer, tx, job, image_ids)
    else:
        _note_failures(indexer, tx, build, image_ids)


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
    vectors = unpack_vectors(message.vectors, len(message.images))
    read = [(message.images[position], rows[message.images[position].image_id]) for position in answer.positions]
    _write(indexer, build, answer.positions, [row for _, row in read], vectors)
    contents.record_read(
        tx,
        build.job_id,
        [(image, version_of(image, row, read_at=message.read_at)) for image, row in read],
        read_at=message.read_at,
    )
    _note_failures(indexer, tx, build, answer.without_vector)
    return answer.settled


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what the answer to a batch means for a build.

    Attributes:
        settled: the outcome of each open picture.
        positions: rows of the message's vectors that are written.
        without_vector: images that the build has none of, as they are now.
    """

    settled: list[ItemOutcome]
    positions: list[int]
    without_vector: list[int]


def decide(
    message: IndexBatch, waiting: Container[int], rows: Mapping[int, Source], *, refusal: str | None
) -> Answer:
    """Decide what becomes of each open picture of a batch; nothing here asks a store.

    Args:
        message: the answer.
        waiting: the open pictures.
        rows: their indexed rows by id; a picture that was deleted, or is not indexed any more, has none.
        refusal: why the network that answered is not the build's; None where it is.
    """
    if refusal is not None:
        refused = [_failed(image_id, FailureCode.WRONG_PIPELINE, refusal) for image_id in sorted(waiting)]
        return Answer(refused, [], [])
    there = set(waiting) & rows.keys()
    positions = [position for position, image in enumerate(message.images) if image.image_id in there]
    failures = [failure for failure in message.failures if failure.image_id in there]
    settled = [
        *(_failed(gone, FailureCode.REMOVED, LEFT_REASON) for gone in sorted(set(waiting) - there)),
        *(ItemOutcome(message.images[position].image_id, Outcome.INDEXED) for position in positions),
        *(_failed(failure.image_id, failure.code, failure.reason) for failure in failures),
    ]
    return Answer(settled, positions, [failure.image_id for failure in failures])


def _failed(image_id: int, code: FailureCode, reason: str) -> ItemOutcome:
    return ItemOutcome(image_id, Outcome.FAILED, code, reason)


def _note_failures(indexer: Indexer, tx: Transaction, build: ReindexBuild, image_ids: Sequence[int]) -> None:
    """Record that a build can have no vectors of these images as they are now."""
    rows = contents.sources(tx, image_ids)
    contents.record(tx, build.job_id, {row.id: row.version for row in rows.values()}, has_vector=False)
    if rows:
        # From an earlier round, of what the picture was then.
        _delete(indexer, build, sorted(rows))


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


def version_of(image: ExtractedImage, row: Source, *, read_at: float) -> int:
    """Return the version of the row as of which a new vector is.

    A file that was indexed again after this reading has to be read again here as well.
    """
    is_older = row.read_at is not None and row.read_at > read_at
    return NO_VERSION if image.sha256 != row.sha256 and is_older else row.version


def _write(
    indexer: Indexer, build: ReindexBuild, positions: list[int], rows: list[Source], vectors: Vectors
) -> None:
    def upsert() -> None:
        indexer.vectors.upsert(
            build.vector_collection,
            np.array([row.id for row in rows], dtype=np.int64),
            vectors[positions],
            partitions=[row.partition for row in rows],
            metadata=[row.metadata for row in rows],
        )

    if not rows:
        return
    try:
        upsert()
    except NotFound:
        # A store that lost its data: counting finds out before the switch, and the rest is filled in again.
        indexer.ensure_vectors(build)
        upsert()


def _delete(indexer: Indexer, build: ReindexBuild, image_ids: list[int]) -> None:
    try:
        indexer.vectors.delete(build.vector_collection, image_ids)
    except NotFound:
        indexer.ensure_vectors(build)
