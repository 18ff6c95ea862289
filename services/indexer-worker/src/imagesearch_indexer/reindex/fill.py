"""Fill a build: copy vectors from store to store, or have pictures extracted again.

A vector has the same key in both, so that no row has to follow the switch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imagesearch.catalog import images, jobs, tombstones
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches, counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.reindex import builds, contents, exceptions
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.catalog.reindex.contents import Source
from imagesearch.catalog.reindex.filling import LockedBuild, submit_changed
from imagesearch.contract import Outcome
from imagesearch.failures import FailureCode
from imagesearch.vectors import VectorStore
from imagesearch_indexer.stored_vectors import fetch_vectors

VERIFY_PAGE = 1_000

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

    Everything is read as of the row's key. Whoever changes the row gives it a larger one, for a later round.

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
        source = locked.collection.vector_collection
        items += _copy(tx, vectors, locked.build, {row.vector_key: row for row in present}, source)
    submitted, outcomes = ledger.record(tx, locked.job.id, items)
    return counters.count(tx, locked.job.id, outcomes, submitted=submitted, worked=bool(outcomes))


def verify(tx: Transaction, vectors: VectorStore, locked: LockedBuild, reached: int) -> int:
    """Look for the next vectors of a build in the store, and have those filled in again that are not there.

    A store can lose what it acknowledged; searches must not find that out. Returns how many are missing.

    Raises:
        StoreUnavailable: a store went away; nothing is recorded.
    """
    build = locked.build
    named = images.keys_behind(
        tx, locked.collection.id, after=build.verified_key, up_to=reached, limit=VERIFY_PAGE
    )
    missing = named.keys() - _present(vectors, build.vector_collection, list(named))
    by_image = {named[key]: key for key in missing}
    excepted = exceptions.without_vector(tx, locked.job.id, by_image)
    rows = contents.sources(tx, by_image.keys() - excepted)
    submit_changed(tx, locked, list(rows.values()))
    builds.verify(tx, build, max(named) if len(named) == VERIFY_PAGE else reached)
    return len(rows)


def _present(vectors: VectorStore, name: str, wanted: list[int]) -> set[int]:
    """Return those of the keys, in ascending order, that a Milvus collection has now."""
    if not wanted:
        return set()
    found: set[int] = set()
    after = wanted[0] - 1
    # Reads may be behind the writes of other processes; after a strong count they are not.
    vectors.count(name, strong=True)
    while after < wanted[-1]:
        page = vectors.keys(name, after=after, limit=VERIFY_PAGE)
        found.update(page)
        if len(page) < VERIFY_PAGE:
            break
        after = page[-1]
    return found


def _copy(
    tx: Transaction, vectors: VectorStore, build: ReindexBuild, rows: Mapping[int, Source], source: str
) -> list[Item]:
    """Copy vectors from one Milvus collection, and give them the keys and labels that the rows have now.

    Args:
        rows: by the key of the vector that is copied.
        source: the Milvus collection.
    """
    fetched = fetch_vectors(vectors, source, list(rows))
    found = [(row, fetched[key]) for key, row in rows.items() if key in fetched]
    if found:
        vectors.upsert(
            build.vector_collection,
            [row.vector_key for row, _ in found],
            np.stack([vector for _, vector in found]),
            partitions=[row.partition for row, _ in found],
            metadata=[row.metadata for row, _ in found],
        )
    lost = [row for key, row in rows.items() if key not in fetched]
    return [Item(row.path, row.id, None, Outcome.INDEXED) for row, _ in found] + _lost(tx, lost)


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
    name = locked.build.vector_collection
    known = tombstones.same_content(tx, name, [row.id for row in rows])
    there = _present(vectors, name, sorted(known.values()))
    kept = {
        key: row for row in rows if (key := known.get((row.id, row.sha256 or ""))) in there and key is not None
    }
    items = _copy(tx, vectors, locked.build, kept, name) if kept else []
    kept_ids = {row.id for row in kept.values()}
    unread = [row for row in rows if row.id not in kept_ids]
    made = batches.create(tx, locked.job.id, -(-len(unread) // batch_size))
    return items + [Item(row.path, row.id, made[index // batch_size]) for index, row in enumerate(unread)]
