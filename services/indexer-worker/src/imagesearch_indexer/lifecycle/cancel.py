"""Close what a cancelled job still holds, batch by batch."""

from __future__ import annotations

from contextlib import suppress

from imagesearch.catalog import duplicates, jobs
from imagesearch.catalog.jobs import batches, counters, ledger
from imagesearch.contract import JobState
from imagesearch.errors import Conflict
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.finish import end_job
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.retirement import abandon, clear_up


def cancel_orphaned(indexer: Indexer, job_id: str) -> None:
    """Cancel an open job whose collection is being deleted, and close it.

    The API does so when it deletes a collection; a job that was submitted at that moment, or an API that died
    in between, would leave a job that can neither go on nor end.

    Raises:
        StoreUnavailable: a store went away; reconciliation goes on where this stopped.
    """
    # One that has ended since it was found stays as it is.
    with indexer.catalog.transaction() as tx, suppress(Conflict):
        jobs.cancel(tx, job_id)
    close_cancelled(indexer, job_id)


def close_cancelled(indexer: Indexer, job_id: str) -> None:
    """Record every path of a cancelled job that has no outcome as cancelled, and end the job.

    A batch that is being written at this moment is waited for: its pictures keep the outcome that they get.

    Raises:
        StoreUnavailable: a store went away; reconciliation goes on where this stopped.
    """
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
    if job.state == JobState.CANCELLED and job.finished_at is None:
        _close(indexer, job_id)


def give_up(indexer: Indexer, job_id: str) -> None:
    """End a build that has met an error: what was built is dropped, the index in use stays.

    Raises:
        StoreUnavailable: a store went away; reconciliation goes on where this stopped.
    """
    _close(indexer, job_id)


def _close(indexer: Indexer, job_id: str) -> None:
    # First, so that nobody who fills the build adds paths behind this.
    abandon(indexer, job_id)
    with indexer.catalog.transaction() as tx:
        job = jobs.lock(tx, job_id)
        counters.count(tx, job_id, ledger.cancel_unplanned(tx, job_id))
        jobs.close_listing(tx, job_id)
        duplicates.forget_pairs(tx, job_id)
        open_batches = batches.open_ids(tx, job_id)
    for batch_id in open_batches:
        with indexer.catalog.transaction() as tx:
            batch = batches.lock(tx, batch_id)
            if batch is None or batch.state not in ("ready", "sent"):
                continue
            outcomes = ledger.cancel_batch(tx, batch_id)
            batches.close(tx, batch_id, "cancelled")
            job = counters.count(tx, job_id, outcomes)
    show(indexer, job)
    end_job(indexer, job_id)
    clear_up(indexer)
