"""Fill a build: copy vectors from store to store, or have pictures extracted again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches, counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.reindex import contents
from imagesearch.catalog.reindex.contents import Source
from imagesearch.catalog.reindex.filling import LockedBuild
from imagesearch.contract import Outcome
from imagesearch.errors import NotFound
from imagesearch.failures import FailureCode
from imagesearch.vectors import VectorStore

LEFT_REASON = "The picture left the index while the job ran."
LOST_REASON = "The store has no vector of it; the next comparison of rows and vectors has it indexed again."


def fill(
    tx: Transaction,
    vectors: VectorStore,
    locked: LockedBuild,
    waiting: Sequence[tuple[int, str]],
    *,
    batch_size: int,
) -> jobs.Job:
    """Give each of these images its vector in the build, or its batch.

    Rows are read before their vectors. What changes a row after that gives it another version, and the image
    is looked at again.

    Args:
        tx: the transaction that holds the build.
        vectors: the store that vectors are copied within.
        locked: the build.
        waiting: ids and paths of images without batch and outcome.
        batch_size: pictures a batch, where they are read again.

    Raises:
        StoreUnavailable: a store went away; the same images may be filled again.
    """
    rows = contents.sources(tx, [image_id for image_id, _ in waiting])
    items = [
        Item(path, image_id, None, Outcome.FAILED, FailureCode.REMOVED, LEFT_REASON)
        for image_id, path in waiting
        if image_id not in rows
    ]
    present = [rows[image_id] for image_id, _ in waiting if image_id in rows]
    if locked.build.extracts:
        items += _extract(tx, vectors, locked, present, batch_size)
    else:
        items += _copy(tx, vectors, locked, present, locked.collection.vector_collection)
    submitted, outcomes = ledger.record(tx, locked.job.id, items)
    return counters.count(tx, locked.job.id, outcomes, submitted=submitted, worked=bool(outcomes))


def _copy(
    tx: Transaction, vectors: VectorStore, locked: LockedBuild, rows: Sequence[Source], source: str
) -> list[Item]:
    """Copy vectors out of one Milvus collection, with the partitions and metadata that the rows have now."""
    try:
        # Reads may be behind the writes of other processes; after a strong count they are not.
        vectors.count(source, strong=True)
        fetched = vectors.fetch_vectors(source, [row.id for row in rows])
    except NotFound:
        # A collection that nothing was ever planned for has no vectors.
        fetched = {}
    found = [row for row in rows if row.id in fetched]
    if found:
        vectors.upsert(
            locked.build.vector_collection,
            np.array([row.id for row in found], dtype=np.int64),
            np.stack([fetched[row.id] for row in found]),
            partitions=[row.partition for row in found],
            metadata=[row.metadata for row in found],
        )
    lost = [row for row in rows if row.id not in fetched]
    contents.record(tx, locked.job.id, {row.id: row.version for row in found}, has_vector=True)
    contents.record(tx, locked.job.id, {row.id: row.version for row in lost}, has_vector=False)
    return [Item(row.path, row.id, None, Outcome.INDEXED) for row in found] + _lost(tx, lost)


def _lost(tx: Transaction, rows: Sequence[Source]) -> list[Item]:
    """Return the failures of images without a vector: deleted since their rows were read, or lost by the store."""
    there = contents.sources(tx, [row.id for row in rows]) if rows else {}
    return [
        Item(row.path, row.id, None, Outcome.FAILED, FailureCode.IO_ERROR, LOST_REASON)
        if row.id in there
        else Item(row.path, row.id, None, Outcome.FAILED, FailureCode.REMOVED, LEFT_REASON)
        for row in rows
    ]


def _extract(
    tx: Transaction, vectors: VectorStore, locked: LockedBuild, rows: Sequence[Source], batch_size: int
) -> list[Item]:
    """Cut batches; an image of which only partition or metadata changed keeps the vector that the build has."""
    known = contents.digests(tx, locked.job.id, [row.id for row in rows])
    kept = [row for row in rows if row.sha256 is not None and known.get(row.id) == row.sha256]
    items = _copy(tx, vectors, locked, kept, locked.build.vector_collection) if kept else []
    unread = [row for row in rows if row not in kept]
    made = batches.create(tx, locked.job.id, -(-len(unread) // batch_size))
    return items + [Item(row.path, row.id, made[index // batch_size]) for index, row in enumerate(unread)]
