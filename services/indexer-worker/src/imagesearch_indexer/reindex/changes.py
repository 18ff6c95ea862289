"""List what a collection holds, and bring a build up to what happened to it since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.reindex import contents
from imagesearch.catalog.reindex.contents import Source
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reindex.lock import LockedBuild


def submit_indexed(tx: Transaction, job: jobs.Job, limit: int, partition: str | None = None) -> None:
    """Write the next indexed images of a job's collection to the ledger.

    A slice that is not full ends the listing: waiting for an empty one would never end while others write.
    """
    after = int(job.planned_up_to or 0)
    found = contents.next_sources(tx, job.collection_id, after=after, limit=limit, partition=partition)
    if found:
        jobs.reached(tx, job.id, str(found[-1].id))
        submitted, outcomes = ledger.record(tx, job.id, [Item(row.path, row.id) for row in found])
        counters.count(tx, job.id, outcomes, submitted=submitted)
    if len(found) < limit:
        jobs.listed(tx, job.id)


def remove_gone(indexer: Indexer, tx: Transaction, locked: LockedBuild, limit: int) -> int:
    """Take some of what is not indexed any more out of a build; return how much that was."""
    gone = contents.gone(tx, locked.job.id, limit=limit)
    if gone:
        indexer.vectors.delete(locked.build.vector_collection, gone)
        contents.forget(tx, locked.job.id, gone)
    return len(gone)


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
