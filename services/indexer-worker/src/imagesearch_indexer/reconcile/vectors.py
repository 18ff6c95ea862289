"""Compare the keys that rows name with the keys of vectors, and make them agree."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from imagesearch.catalog import collections, images, jobs, keys, naming, tombstones
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.states import CollectionState, ImageState, JobOrigin
from imagesearch.contract import PlanJob, TaskName
from imagesearch.errors import NotFound
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.step import DONE, Step

log = structlog.get_logger()

PAGE = 1_000
PAGES = 20
"""In one slice, unless enough is found before: together about a second."""
POLL_SECONDS = 0.1
MAX_REPAIR_JOBS = 50
"""Open at once in one collection, each of a page: a store that lost everything is filled again by as many, and the
comparison waits for them."""


@dataclass
class _Place:
    """Hold how far each collection is compared.

    Attributes:
        behind: the id of the collection that was begun last.
        begun: behind which key each collection goes on that has not been compared to its end.
        is_fence_passable: no transaction has been waited for in vain: others are shared by many pages.
    """

    behind: int = 0
    begun: dict[int, int] = field(default_factory=dict)
    is_fence_passable: bool = True

    @classmethod
    def parse(cls, text: str | None) -> _Place:
        """Return the place that was written down; None is the beginning."""
        if text is None:
            return cls()
        behind, begun, is_fence_passable = json.loads(text)
        return cls(behind, {int(key): after for key, after in begun.items()}, is_fence_passable)

    def __str__(self) -> str:
        return json.dumps([self.behind, self.begun, self.is_fence_passable])


def sweep_slice(indexer: Indexer, report: Report, place: str | None) -> Step:
    """Remove some vectors that nothing names, or will name; index rows again whose vector is missing.

    A collection that fails is left to the next comparison of everything.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    at = _Place.parse(place)
    collection = _next_collection(indexer, at)
    if collection is None:
        return Step(str(at), waits=True) if at.begun else DONE
    after = at.begun.pop(collection.id, 0)
    with report.guarded(f"vectors of collection {collection.id}"):
        reached = _compare(indexer, report, collection, after, at)
        if reached is not None:
            at.begun[collection.id] = reached
    return Step(str(at))


def _next_collection(indexer: Indexer, at: _Place) -> Collection | None:
    """Return a collection that may be compared now; None where all are, or wait for their repairs."""
    with indexer.catalog.reading() as tx:
        if at.begun:
            repairs = jobs.count_open_by_collection(tx, JobOrigin.REPAIR)
            ready = [each for each in at.begun if repairs.get(each, 0) < MAX_REPAIR_JOBS]
            if ready:
                return collections.by_id(tx, ready[0])
        found = collections.next_active(tx, behind=at.behind)
    if found is not None:
        at.behind = found.id
    return found


def _compare(indexer: Indexer, report: Report, collection: Collection, after: int, at: _Place) -> int | None:
    """Compare some pages; return behind which key the next slice goes on, None behind the last page."""
    reached: int | None = after
    unnamed: list[int] = []
    for _ in range(PAGES):
        more, lacking, reached = _page(indexer, collection, reached or 0)
        unnamed += more
        missing = _repair_rows(indexer, collection, lacking, dry_run=report.dry_run)
        report.add("row_without_vector", missing, "indexed again")
        if reached is None or missing or len(unnamed) >= PAGE:
            break
    if unnamed and at.is_fence_passable:
        # Waited for in vain only once: the next comparison finds the same.
        at.is_fence_passable = _has_fence_passed(indexer)
        if at.is_fence_passable:
            removed = _remove_unnamed(indexer, collection, unnamed, dry_run=report.dry_run)
            report.add("vector_without_row", removed, "removed")
    return reached


def _page(indexer: Indexer, collection: Collection, after: int) -> tuple[list[int], dict[int, int], int | None]:
    """Return keys neither named nor buried, keys without a vector by image, and where the next page begins."""
    try:
        there = indexer.vectors.keys(collection.vector_collection, after=after, limit=PAGE)
    except NotFound:
        there = []
    up_to = there[-1] if len(there) == PAGE else None
    with indexer.catalog.reading() as tx:
        # As many again: a page of rows may be longer than that of the vectors, when the store has lost many.
        named = images.keys_behind(tx, collection.id, after=after, up_to=up_to, limit=PAGE + 1)
        buried = tombstones.buried_among(tx, collection.vector_collection, set(there) - named.keys())
    if len(named) > PAGE:
        up_to = sorted(named)[PAGE - 1]
        named = {key: image_id for key, image_id in named.items() if key <= up_to}
        there = [key for key in there if key <= up_to]
    lacking = {named[key]: key for key in named.keys() - set(there)}
    return sorted(set(there) - named.keys() - buried), lacking, up_to


def _is_current(tx: Transaction, seen: Collection) -> bool:
    """Tell whether what was compared is still the collection's index, and keep it so in this transaction.

    Compared with an index that was replaced and dropped, every row would seem to have lost its vector. Right after
    a switch rows are still to follow, and to name keys that were drawn long before.
    """
    held = collections.lock_shared(tx, seen.id)
    return (
        held.state == CollectionState.ACTIVE
        and held.vector_collection == seen.vector_collection
        and held.switched_build is None
    )


def _remove_unnamed(indexer: Indexer, collection: Collection, found: Sequence[int], *, dry_run: bool) -> int:
    """Remove vectors that no row names, now that nobody can name them any more; return how many.

    Only the transaction that drew a key can name it. Where it has ended, and no row names the key, none ever will.
    """
    with indexer.catalog.transaction() as tx:
        if not _is_current(tx, collection):
            return 0
        named = images.ids_by_keys(tx, collection.id, found)
        buried = tombstones.buried_among(tx, collection.vector_collection, found)
    unnamed = sorted(set(found) - named.keys() - buried)
    if unnamed and not dry_run:
        # Without a lock: a key that nothing names is never named again.
        indexer.vectors.delete(collection.vector_collection, unnamed)
    return len(unnamed)


def _has_fence_passed(indexer: Indexer) -> bool:
    """Wait until every transaction that runs now has ended; return False where one takes too long."""
    with indexer.catalog.transaction() as tx:
        xid = keys.fence(tx).xid
    deadline = time.monotonic() + indexer.settings.fence_seconds
    while not indexer.stopping.is_set():
        with indexer.catalog.reading() as tx:
            if keys.is_past(tx, xid):
                return True
        if time.monotonic() > deadline:
            log.warning("sweep.transaction_goes_on", seconds=indexer.settings.fence_seconds)
            return False
        indexer.stopping.wait(POLL_SECONDS)
    return False


def _repair_rows(indexer: Indexer, collection: Collection, lacking: dict[int, int], *, dry_run: bool) -> int:
    """Have pictures read again whose vectors are missing, given as keys by image; return how many."""
    if not lacking:
        return 0
    with indexer.catalog.transaction() as tx:
        if not _is_current(tx, collection):
            return 0
        # Those that were deleted or written anew since are of no concern.
        rows = [row for row in images.lock(tx, lacking).values() if row.vector_key == lacking[row.id]]
        try:
            there = indexer.vectors.fetch_vectors(
                collection.vector_collection, [lacking[row.id] for row in rows], strong=True
            )
        except NotFound:
            there = {}
        bare = [row for row in rows if row.vector_key not in there]
        if not bare or dry_run:
            return len(bare)
        naming.unname(tx, collection, bare, ImageState.PENDING)
        job = jobs.create(tx, collection.id, jobs.NewJob(id=str(uuid4()), origin=JobOrigin.REPAIR, directory=None))
        submitted, outcomes = ledger.record(tx, job.id, [Item(row.path) for row in bare])
        counters.count(tx, job.id, outcomes, submitted=submitted)
    indexer.send(TaskName.PLAN, PlanJob(job.id))
    return len(bare)
