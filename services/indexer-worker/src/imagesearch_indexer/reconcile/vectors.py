"""Compare every row with every vector, and make them agree."""

from __future__ import annotations

from uuid import uuid4

import structlog

from imagesearch.catalog import collections, image_queries, images, jobs
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.states import CollectionState, ImageState, JobOrigin
from imagesearch.contract import Finding, PlanJob, TaskName
from imagesearch.errors import NotFound
from imagesearch.messaging.claims import plan_task_id
from imagesearch_indexer.composition import Indexer

log = structlog.get_logger()

PAGE = 1_000


def sweep(indexer: Indexer, *, dry_run: bool) -> list[Finding]:
    """Remove vectors without an indexed row; index rows again whose vector is missing.

    Both are looked at again while the rows are locked, so a batch that is being written is never undone.

    Raises:
        StoreUnavailable: a store went away.
    """
    orphans = missing = 0
    with indexer.catalog.transaction() as tx:
        active = collections.all_active(tx)
    for collection in active:
        after = 0
        while after is not None:
            found, lacking, after_next = _page(indexer, collection, after)
            orphans += _remove_orphans(indexer, collection, found, dry_run=dry_run)
            missing += _repair_rows(indexer, collection, lacking, dry_run=dry_run)
            if after_next is None:
                break
            after = after_next
    return [
        Finding("vector_without_row", orphans, "removed" if orphans else ""),
        Finding("row_without_vector", missing, "indexed again" if missing else ""),
    ]


def _page(indexer: Indexer, collection: Collection, after: int) -> tuple[list[int], list[int], int | None]:
    """Return vectors without an indexed row, indexed rows without a vector, and where the next page begins."""
    try:
        with_vector = indexer.vectors.ids(collection.vector_collection, after=after, limit=PAGE)
    except NotFound:
        with_vector = []
    is_last = len(with_vector) < PAGE
    with indexer.catalog.transaction() as tx:
        up_to = None if is_last else with_vector[-1]
        indexed = image_queries.indexed_ids(tx, collection.id, after=after, up_to=up_to)
    return sorted(set(with_vector) - indexed), sorted(indexed - set(with_vector)), up_to


def _is_current(tx: Transaction, seen: Collection) -> bool:
    """Tell whether what was compared is still the collection's index, and keep it so in this transaction.

    Compared with an index that was replaced and dropped, every row would seem to have lost its vector.
    """
    held = collections.lock_shared(tx, seen.id)
    return held.state == CollectionState.ACTIVE and held.vector_collection == seen.vector_collection


def _remove_orphans(indexer: Indexer, collection: Collection, found: list[int], *, dry_run: bool) -> int:
    if not found:
        return 0
    with indexer.catalog.transaction() as tx:
        if not _is_current(tx, collection):
            return 0
        rows = images.lock(tx, found)
        orphans = [
            image_id
            for image_id in found
            if image_id not in rows or rows[image_id].state in (ImageState.PENDING, ImageState.FAILED)
        ]
        if orphans and not dry_run:
            indexer.vectors.delete(collection.vector_collection, orphans)
    return len(orphans)


def _repair_rows(indexer: Indexer, collection: Collection, lacking: list[int], *, dry_run: bool) -> int:
    if not lacking:
        return 0
    with indexer.catalog.transaction() as tx:
        if not _is_current(tx, collection):
            return 0
        rows = images.lock(tx, lacking)
        try:
            # Other reads may be some seconds behind: what was written a moment ago is not missing.
            indexer.vectors.count(collection.vector_collection, strong=True)
            there = indexer.vectors.fetch_vectors(collection.vector_collection, lacking)
        except NotFound:
            there = {}
        bare = [row for row in rows.values() if row.state == ImageState.INDEXED and row.id not in there]
        if not bare or dry_run:
            return len(bare)
        images.mark_pending(tx, [row.id for row in bare])
        job = jobs.create(tx, collection.id, jobs.NewJob(id=str(uuid4()), origin=JobOrigin.REPAIR, directory=None))
        submitted, outcomes = ledger.record(tx, job.id, [Item(row.path) for row in bare])
        counters.count(tx, job.id, outcomes, submitted=submitted)
    indexer.send(TaskName.PLAN, PlanJob(job.id), plan_task_id(job.id))
    return len(bare)
