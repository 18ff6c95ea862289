"""Bring a job to its end: every path has its outcome, or gets it because the job is cancelled or given up."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress

import structlog

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.jobs import batches, counters, decisions, ledger
from imagesearch.catalog.states import BatchState, CollectionState
from imagesearch.contract import CancelJob, JobState, Outcome, PlanJob, TaskName
from imagesearch.errors import Conflict, NotFound, StoreUnavailable
from imagesearch.metrics import JOBS_ENDED
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.retirement import clear_up

log = structlog.get_logger()

SECONDS = 5.0
"""How long a job is closed at once: others wait for the thread, and a message asks for the rest."""
PATHS = 5_000
"""Cancelled in one transaction, which keeps the batches of the job from being counted: a tenth of a second."""
BATCHES = 100
"""Cancelled in one transaction: some thousand pictures."""


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
    if not indexer.kinds[job.kind].finish(indexer, job):
        # Whoever takes the next time slice goes on.
        _ask_to_go_on(indexer, job)
        return
    if job.indexed and collection.state == CollectionState.ACTIVE:
        _settle_vectors(indexer, collection.vector_collection)
    with indexer.catalog.transaction() as tx:
        ended, is_new = jobs.finish(tx, job.id, seen=job)
    show(indexer.progress, ended)
    if is_new:
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
    """Give the open paths of a job their outcome, slice by slice; where the time is up, have it gone on with."""
    deadline = time.monotonic() + SECONDS
    # First, so that nobody adds paths behind this.
    is_closed = indexer.kinds[job.kind].cancel(indexer, job)
    if is_closed:
        is_closed = _close_unplanned(indexer, job.id, deadline) and _close_batches(indexer, job.id, deadline)
    if not is_closed:
        _ask_to_go_on(indexer, job)
        return
    end_job(indexer, job.id)
    clear_up(indexer.catalog, indexer.vectors)


def _close_unplanned(indexer: Indexer, job_id: str, deadline: float) -> bool:
    """Cancel the paths of a job that are in no batch; return False where some are left."""
    after = 0
    while True:
        with indexer.catalog.transaction() as tx:
            job = jobs.lock(tx, job_id)
            if not decisions.is_given_up(job):
                # It has ended since it was read, and its failed paths have been submitted once more.
                return True
            cancelled = ledger.cancel_unplanned(tx, job_id, after=after, limit=PATHS)
            job = counters.count(tx, job_id, Counter({Outcome.CANCELLED: cancelled.changed}))
            if cancelled.last is None:
                job = jobs.close_listing(tx, job_id)
        show(indexer.progress, job)
        if cancelled.last is None:
            return True
        after = cancelled.last
        if _is_over(indexer, deadline):
            return False


def _close_batches(indexer: Indexer, job_id: str, deadline: float) -> bool:
    """Cancel the batches of a job that have not ended; return False where some are left."""
    after = 0
    while True:
        with indexer.catalog.transaction() as tx:
            # What was cancelled just now is not passed over once more in the index.
            found = batches.lock_open(tx, job_id, after=after, limit=BATCHES)
            if not found or not decisions.is_given_up(jobs.lock(tx, job_id)):
                return True
            outcomes = ledger.cancel_batches(tx, list(found))
            batches.cancel(tx, list(found))
            job = counters.count(tx, job_id, outcomes)
        # What is left of them in the queues is let go by whoever finds it.
        indexer.in_flight.give_up([batch_id for batch_id, state in found.items() if state == BatchState.SENT])
        show(indexer.progress, job)
        after = max(found)
        if _is_over(indexer, deadline):
            return False


def _is_over(indexer: Indexer, deadline: float) -> bool:
    return time.monotonic() > deadline or indexer.stopping.is_set()


def _ask_to_go_on(indexer: Indexer, job: jobs.Job) -> None:
    """Have somebody go on with the end of a job; where the message gets lost, reconciliation does."""
    try:
        if job.state == JobState.CANCELLED:
            indexer.send(TaskName.CANCEL, CancelJob(job.id), None)
        else:
            indexer.send(TaskName.PLAN, PlanJob(job.id))
    except StoreUnavailable as error:
        log.warning("end.not_asked_for", job=job.id, reason=str(error))


def _settle_vectors(indexer: Indexer, name: str) -> None:
    try:
        indexer.vectors.count(name, strong=True)
        indexer.vectors.compact(name)
    except NotFound:
        # Deleted a moment ago, or lost by the store: the job has ended all the same.
        log.warning("vectors.gone", collection=name)
