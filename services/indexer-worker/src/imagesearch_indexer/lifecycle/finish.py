"""Bring a job to its end: every path has its outcome, or gets it because the job is cancelled or given up."""

from __future__ import annotations

from contextlib import suppress

import structlog

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.jobs import batches, counters, decisions, ledger
from imagesearch.catalog.states import BatchState, CollectionState
from imagesearch.contract import JobState
from imagesearch.errors import Conflict, NotFound
from imagesearch.metrics import JOBS_ENDED
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.retirement import clear_up

log = structlog.get_logger()


def end_job(indexer: Indexer, job_id: str) -> None:
    """End a job that is settled; any other, or one that has ended, stays as it is.

    Raises:
        StoreUnavailable: a store went away; ending is repeated by reconciliation.
    """
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
        collection = collections.by_id(tx, job.collection_id)
    if job.finished_at is None and job.all_settled:
        end_settled(indexer, job, collection)


def end_settled(indexer: Indexer, job: jobs.Job, collection: Collection) -> None:
    """End a settled job, which the caller has just read together with its collection.

    A job only reads as ended when what it indexed can be searched: the strongly consistent count waits for
    every write before it, and later searches at bounded staleness see at least as much.

    Raises:
        StoreUnavailable: a store went away; ending is repeated by reconciliation.
    """
    indexer.kinds[job.kind].finish(indexer, job)
    if job.indexed and collection.state == CollectionState.ACTIVE:
        _settle_vectors(indexer, collection.vector_collection)
    with indexer.catalog.transaction() as tx:
        ended = jobs.finish(tx, job.id, seen=job)
    show(indexer.catalog, indexer.progress, ended)
    if ended.finished_at is not None:
        JOBS_ENDED.labels(ended.kind.value, ended.state.value).inc()
        log.info("job.ended", job=job.id, state=str(ended.state), total=ended.total, failed=ended.failed)


def end_or_give_up(indexer: Indexer, job_id: str) -> None:
    """End a job that is settled, or one that has met an error and cannot go on without what failed.

    Raises:
        StoreUnavailable: a store went away; ending is repeated by reconciliation.
    """
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
    if job.error is not None and job.finished_at is None:
        _close(indexer, job)
    else:
        end_job(indexer, job_id)


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
        _close(indexer, job)


def _close(indexer: Indexer, job: jobs.Job) -> None:
    # First, so that nobody adds paths behind this.
    indexer.kinds[job.kind].cancel(indexer, job)
    with indexer.catalog.transaction() as tx:
        job = jobs.lock(tx, job.id)
        if not decisions.is_given_up(job):
            # It has ended since it was read, and its failed paths have been submitted once more.
            return
        counters.count(tx, job.id, ledger.cancel_unplanned(tx, job.id))
        jobs.close_listing(tx, job.id)
        open_batches = batches.open_ids(tx, job.id)
    sent = []
    for batch_id in open_batches:
        with indexer.catalog.transaction() as tx:
            batch = batches.lock(tx, batch_id)
            if batch is None or batch.state.has_ended:
                continue
            outcomes = ledger.cancel_batch(tx, batch_id)
            batches.close(tx, batch_id, BatchState.CANCELLED)
            job = counters.count(tx, job.id, outcomes)
        if batch.state == BatchState.SENT:
            sent.append(batch_id)
    # What is left of them in the queues is let go by whoever finds it.
    indexer.in_flight.give_up(sent)
    show(indexer.catalog, indexer.progress, job)
    end_job(indexer, job.id)
    clear_up(indexer.catalog, indexer.vectors)


def _settle_vectors(indexer: Indexer, name: str) -> None:
    try:
        indexer.vectors.count(name, strong=True)
        indexer.vectors.compact(name)
    except NotFound:
        # Deleted a moment ago, or lost by the store: the job has ended all the same.
        log.warning("vectors.gone", collection=name)
