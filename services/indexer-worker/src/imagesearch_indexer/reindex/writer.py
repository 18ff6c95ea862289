"""Write a batch of a build: vectors beside the index in use, and what became of each picture."""

from __future__ import annotations

import numpy as np

from imagesearch.catalog import images, jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.reindex import builds, contents
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.catalog.reindex.contents import NO_VERSION, Source
from imagesearch.contract import ExtractedImage, IndexBatch, Outcome, Vectors, unpack_vectors
from imagesearch.errors import NotFound, PipelineMismatch
from imagesearch.failures import FailureCode
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reindex.fill import LEFT_REASON


def write_batch(
    indexer: Indexer, tx: Transaction, build: ReindexBuild, message: IndexBatch, waiting: set[int]
) -> list[ItemOutcome]:
    """Write the vectors of a batch into a build, and return the outcome of each of its open pictures.

    The rows of the images stay as they are until the switch: searches go on with the old vectors. A network
    that is not the build's fails the whole job, because pictures that it left out could not be found.

    Raises:
        StoreUnavailable: a store went away; the batch may be written again.
    """
    images.lock(tx, waiting)
    rows = contents.sources(tx, waiting)
    refused = _refusal(tx, build, message)
    if refused is not None:
        jobs.fail(tx, build.job_id, refused)
        return [
            ItemOutcome(image_id, Outcome.FAILED, FailureCode.WRONG_PIPELINE, refused)
            for image_id in sorted(waiting)
        ]
    settled = [
        ItemOutcome(image_id, Outcome.FAILED, FailureCode.REMOVED, LEFT_REASON)
        for image_id in sorted(waiting - set(rows))
    ]
    read = [
        (position, image, rows[image.image_id])
        for position, image in enumerate(message.images)
        if image.image_id in waiting and image.image_id in rows
    ]
    failed = [
        image_id for image_id in message.failures if image_id.image_id in waiting and image_id.image_id in rows
    ]
    vectors = unpack_vectors(message.vectors, len(message.images))
    _write(indexer, build, [position for position, _, _ in read], [row for _, _, row in read], vectors)
    contents.record_read(
        tx,
        build.job_id,
        [(image, _version(image, row, message)) for _, image, row in read],
        read_at=message.read_at,
    )
    settled += [ItemOutcome(image.image_id, Outcome.INDEXED) for _, image, _ in read]
    settled += [
        ItemOutcome(image_id.image_id, Outcome.FAILED, image_id.code, image_id.reason) for image_id in failed
    ]
    note_failures(indexer, tx, build, [image_id.image_id for image_id in failed])
    return settled


def note_failures(indexer: Indexer, tx: Transaction, build: ReindexBuild, image_ids: list[int]) -> None:
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


def _version(image: ExtractedImage, row: Source, message: IndexBatch) -> int:
    """Return the version of the row as of which the new vector is.

    A file that was indexed again after this reading has to be read again here as well.
    """
    is_older = row.read_at is not None and row.read_at > message.read_at
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
