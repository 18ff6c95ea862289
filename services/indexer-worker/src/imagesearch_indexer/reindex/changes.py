"""List what a collection holds, and bring a build up to what happened to it since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.reindex import contents
from imagesearch.catalog.reindex.contents import Source
from imagesearch.contract import JobState
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reindex.lock import LockedBuild


def without_time_limit(tx: sa.Connection) -> None:
    """Let a transaction compare every image of a collection with what a build holds."""
    tx.exec_driver_sql("SET LOCAL statement_timeout = 0")


def submit_indexed(tx: sa.Connection, job: jobs.Job, limit: int, partition: str | None = None) -> None:
    """Write the next indexed images of a job's collection to the ledger.

    A slice that is not full ends the listing: waiting for an empty one would never end while others write.
    """
    after = int(job.planned_up_to or 0)
    found = contents.next_sources(tx, job.collection_id, after=after, limit=limit, partition=partition)
    if found:
        jobs.change(tx, job.id, planned_up_to=str(found[-1].id))
        submitted, outcomes = ledger.record(tx, job.id, [Item(row.path, row.id) for row in found])
        counters.count(tx, job.id, outcomes, submitted=submitted)
    if len(found) < limit:
        jobs.change(tx, job.id, listed_at=sa.func.now(), state=JobState.RUNNING.value)


def remove_gone(indexer: Indexer, tx: sa.Connection, locked: LockedBuild, limit: int) -> int:
    """Take some of what is not indexed any more out of a build; return how much that was."""
    gone = contents.gone(tx, locked.job.id, limit=limit)
    if gone:
        indexer.vectors.delete(locked.build.vector_collection, gone)
        contents.forget(tx, locked.job.id, gone)
    return len(gone)


def submit_changed(tx: sa.Connection, locked: LockedBuild, changed: Sequence[Source]) -> None:
    """Put images into the ledger that the build lacks, or has as they were; those that are in it begin anew."""
    old = ledger.reopen(tx, locked.job.id, [row.path for row in changed])
    submitted, _ = ledger.record(tx, locked.job.id, [Item(row.path, row.id) for row in changed])
    counters.count(
        tx,
        locked.job.id,
        Counter({outcome: -count for outcome, count in old.items()}),
        submitted=submitted,
    )
