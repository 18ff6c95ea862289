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
from imagesearch_indexer.reindex.fill import fill

log = structlog.get_logger()


class SwitchResult(Enum):
    """Say how the last round of a build ended."""

    SWITCHED = "searches use the new index"
    LACKING = "too much was written meanwhile; another round first"
    OVER = "the job was cancelled, paused or has failed"


def switch(indexer: Indexer, job_id: str) -> SwitchResult:
    """Make the new index the collection's, if it lacks nothing.

    Batches and deletes share the collection's lock while they write; here it is exclusive, so that none of them is
    in between. Searches read one row and are never kept waiting. One row is written: the others name the same keys
    as before.

    Raises:
        StoreUnavailable: a store went away; nothing was switched.
    """
    with indexer.catalog.transaction() as tx:
        collections.lock_exclusive(tx, jobs.get(tx, job_id).collection_id)
        locked = lock_for_filling(tx, job_id)
        if locked is None:
            return SwitchResult.OVER
        job = _last_round(indexer, tx, locked)
        if job is None:
            return SwitchResult.LACKING
        if job.failed and not job.indexed:
            # More often a mount that is away than a library of broken pictures: the index must not be emptied.
            jobs.fail(tx, job_id, f"None of {job.failed} pictures could be read again; the index stays as it was.")
            return SwitchResult.OVER
        # What was written last is searchable once a strong count has seen it.
        indexer.vectors.count(locked.build.vector_collection, strong=True)
        if jobs.planned(tx, job_id).state != JobState.RUNNING:
            # Somebody cancelled or paused it since it was locked.
            return SwitchResult.OVER
        builds.switch(tx, locked.build, locked.collection, retire_after=indexer.settings.retire_after)
    log.info("index.switched", collection=locked.collection.name, job=job_id, images=job.indexed)
    return SwitchResult.SWITCHED


def _last_round(indexer: Indexer, tx: Transaction, locked: LockedBuild) -> jobs.Job | None:
    """Fill in what little is lacking; return the job, or None where something still is."""
    build, limit = locked.build, indexer.settings.plan_slice
    if build.reached_key is None:
        return None
    # Nobody is writing: every key that was drawn is named by now, or never will be.
    found = contents.changed(tx, locked.collection.id, after=build.reached_key, up_to=None, limit=limit)
    if len(found) == limit or (found and build.extracts):
        return None
    job = locked.job
    if found:
        submit_changed(tx, locked, found)
        waiting = [(row.id, row.path) for row in found]
        job = fill(tx, indexer.vectors, locked, waiting, batch_size=indexer.settings.batch_size)
        builds.reach(tx, build, found[-1].vector_key)
    return job if job.done == job.total and not ledger.unplanned_images(tx, job.id, limit=1) else None
