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
        copied, lost = _copy(vectors, locked.build, {row.vector_key: row for row in present}, source)
        items += copied + _lost(tx, lost)
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
    up_to = max(named) if len(named) == VERIFY_PAGE else reached
    there = _keys(vectors, build.vector_collection, after=build.verified_key, up_to=up_to)
    lacking = {named[key]: key for key in named.keys() - there}
    excepted = exceptions.without_vector(tx, locked.job.id, lacking)
    doubted = {image_id: key for image_id, key in lacking.items() if image_id not in excepted}
    # The keys may have been read a moment behind; what is missing is looked for by a read that is up to date.
    found = fetch_vectors(vectors, build.vector_collection, list(doubted.values()))
    rows = contents.sources(tx, [image_id for image_id, key in doubted.items() if key not in found])
    submit_changed(tx, locked, list(rows.values()))
    builds.verify(tx, build, up_to)
    return len(rows)


def _keys(vectors: VectorStore, name: str, *, after: int, up_to: int) -> set[int]:
    """Return the keys in the range (after, up_to] that a Milvus collection has."""
    found: list[int] = []
    last, is_last = after, False
    while last < up_to and not is_last:
        page = vectors.keys(name, after=last, limit=VERIFY_PAGE)
        found += page
        is_last = len(page) < VERIFY_PAGE
        last = page[-1] if page else up_to
    return {key for key in found if key <= up_to}


def _copy(
    vectors: VectorStore, build: ReindexBuild, rows: Mapping[int, Source], source: str
) -> tuple[list[Item], list[Source]]:
    """Copy vectors from one Milvus collection, and give them the keys and labels that the rows have now.

    Args:
        vectors: the store.
        build: what is filled.
        rows: by the key of the vector that is copied.
        source: the Milvus collection.

    Returns:
        What was copied, and the rows whose vectors are not there.
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
    copied = [Item(row.path, row.id, None, Outcome.INDEXED) for row, _ in found]
    return copied, [row for key, row in rows.items() if key not in fetched]


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
    kept = {key: row for row in rows if (key := known.get((row.id, row.sha256 or ""))) is not None}
    items, _ = _copy(vectors, locked.build, kept, name)
    copied = {item.image_id for item in items}
    unread = [row for row in rows if row.id not in copied]
    made = batches.create(tx, locked.job.id, -(-len(unread) // batch_size))
    return items + [Item(row.path, row.id, made[index // batch_size]) for index, row in enumerate(unread)]
