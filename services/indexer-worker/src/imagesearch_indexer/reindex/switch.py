"""Do the last round of a build and switch the collection to it, while nobody else writes."""

from __future__ import annotations

from enum import Enum

import structlog

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.reindex import builds, contents
from imagesearch.catalog.reindex.filling import LockedBuild, lock_for_filling, submit_changed
from imagesearch.contract import JobState
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reindex.changes import lacking
from imagesearch_indexer.reindex.fill import fill

log = structlog.get_logger()

PAGE = 1_000


class SwitchResult(Enum):
    """Say how the last round of a build ended."""

    SWITCHED = "searches use the new index"
    LACKING = "too much was written meanwhile; another round first"
    MISCOUNTED = "the store holds another number of vectors than were written"
    OVER = "the job was cancelled, paused or has failed"


def switch(indexer: Indexer, job_id: str, *, counts: bool = True) -> SwitchResult:
    """Make the new index the collection's, if it lacks nothing.

    Batches and deletes share the collection's lock while they write; here it is exclusive, so that none of them is
    in between. Searches read one row and are never kept waiting.

    Args:
        indexer: the stores.
        job_id: the job of the build.
        counts: also compare the store's count with the number of vectors written.

    Raises:
        StoreUnavailable: a store went away; nothing was switched.
    """
    with indexer.catalog.transaction() as tx:
        collections.lock_exclusive(tx, jobs.get(tx, job_id).collection_id)
        locked = lock_for_filling(tx, job_id)
        if locked is None:
            return SwitchResult.OVER
        if not _last_round(indexer, tx, locked):
            return SwitchResult.LACKING
        held, failed = contents.count(tx, job_id)
        # What was written last is searchable once a strong count has seen it.
        if indexer.vectors.count(locked.build.vector_collection, strong=True) != held and counts:
            return SwitchResult.MISCOUNTED
        if failed and not held:
            # More often a mount that is away than a library of broken pictures: the index must not be emptied.
            reason = f"None of {failed} pictures could be read again; the index stays as it was."
            jobs.fail(tx, job_id, reason)
            return SwitchResult.OVER
        if jobs.planned(tx, job_id).state != JobState.RUNNING:
            # Somebody cancelled or paused it since it was locked.
            return SwitchResult.OVER
        if locked.build.extracts:
            contents.apply(tx, job_id, locked.collection.id)
        builds.switch(tx, locked.build, locked.collection, retire_after=indexer.settings.retire_after)
    log.info("index.switched", collection=locked.collection.name, job=job_id, images=held)
    return SwitchResult.SWITCHED


def _last_round(indexer: Indexer, tx: Transaction, locked: LockedBuild) -> bool:
    """Fill in what little is lacking; tell whether nothing is any more."""
    found = lacking(tx, indexer.vectors, locked, limit=indexer.settings.plan_slice)
    if found.needs_round:
        return False
    job = locked.job
    if found.changed:
        submit_changed(tx, locked, found.changed)
        waiting = [(row.id, row.path) for row in found.changed]
        job = fill(tx, indexer.vectors, locked, waiting, batch_size=indexer.settings.batch_size)
    return job.done == job.total and not ledger.unplanned_images(tx, job.id, limit=1)


def verify(indexer: Indexer, job_id: str) -> int:
    """Compare a build with its record id by id; what is too many is removed, what is missing is filled in again.

    A worker that dies between its write and its record leaves a vector that nobody knows of when its image is
    deleted before anybody looks again; a store can lose what it acknowledged.

    Returns:
        The number of differences.
    """
    differences, after, is_last = 0, 0, False
    while not is_last:
        with indexer.catalog.transaction() as tx:
            locked = lock_for_filling(tx, job_id)
            if locked is None:
                return differences
            name = locked.build.vector_collection
            there = indexer.vectors.ids(name, after=after, limit=PAGE)
            is_last = len(there) < PAGE
            recorded = contents.held_ids(tx, job_id, after=after, up_to=None if is_last else there[-1])
            extra, missing = sorted(set(there) - recorded), sorted(recorded - set(there))
            indexer.vectors.delete(name, extra)
            contents.forget(tx, job_id, missing)
            differences += len(extra) + len(missing)
            after = there[-1] if there else after
    return differences
