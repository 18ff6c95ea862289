"""Lock a reindex build while it is filled, and submit to its job what it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.catalog.reindex.contents import Source
from imagesearch.catalog.states import CollectionState


@dataclass(frozen=True, slots=True)
class LockedBuild:
    """Hold what one transaction on a build works with."""

    job: jobs.Job
    build: ReindexBuild
    collection: Collection


def lock_for_filling(tx: Transaction, job_id: str) -> LockedBuild | None:
    """Lock the build of a job until the transaction ends; None where nothing may be done to it now.

    Locks are taken in the order of everybody else: collection, build, and the job when it is counted.
    """
    collection = collections.lock_shared(tx, jobs.get(tx, job_id).collection_id)
    build = builds.lock(tx, job_id)
    job = jobs.get(tx, job_id)
    is_wanted = job.state.is_working and job.error is None and collection.state == CollectionState.ACTIVE
    if build is None or not build.is_building or not is_wanted:
        return None
    return LockedBuild(job, build, collection)


def submit_changed(tx: Transaction, locked: LockedBuild, changed: Sequence[Source]) -> None:
    """Put images into the ledger that the build lacks, or has as they were; those that are in it begin anew."""
    old = ledger.reopen(tx, locked.job.id, [row.path for row in changed])
    submitted, _ = ledger.record(tx, locked.job.id, [Item(row.path, row.id) for row in changed])
    counters.count(
        tx,
        locked.job.id,
        Counter({outcome: -count for outcome, count in old.items()}),
        submitted=submitted,
    )
