"""List what a collection holds as the paths of a job that works on all of it."""

from __future__ import annotations

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.reindex import contents


def submit_indexed(tx: Transaction, job: jobs.Job, limit: int, partition: str | None = None) -> jobs.Job:
    """Write the next indexed images of a job's collection to the ledger, and return the job.

    A slice that is not full ends the listing: waiting for an empty one would never end while others write.
    """
    after = int(job.planned_up_to or 0)
    found = contents.next_sources(tx, job.collection_id, after=after, limit=limit, partition=partition)
    if found:
        jobs.reached(tx, job.id, str(found[-1].id))
        submitted, outcomes = ledger.record(tx, job.id, [Item(row.path, row.id) for row in found])
        job = counters.count(tx, job.id, outcomes, submitted=submitted)
    if len(found) < limit:
        job = jobs.listed(tx, job.id)
    return job
