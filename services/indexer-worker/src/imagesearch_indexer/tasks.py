"""Register the indexer's tasks, and choose by the kind of a job what is done in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

import structlog
from celery import Celery

from imagesearch.catalog import jobs
from imagesearch.contract import (
    CancelJob,
    Findings,
    FinishDeletes,
    IndexBatch,
    JobKind,
    PlanJob,
    Queue,
    Reconcile,
    TaskName,
)
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.broker import register
from imagesearch.messaging.claims import BatchClaims
from imagesearch.metrics import RECONCILE_RUNS, STAGE_SECONDS
from imagesearch.retry import retry_transient
from imagesearch_indexer import duplicates
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Extraction, Indexer, Kind
from imagesearch_indexer.exports import job as export_job
from imagesearch_indexer.ingest import planner, prune
from imagesearch_indexer.ingest import writer as ingest_writer
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.lifecycle.dispatch import dispatch_left
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.time_slice import work
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.reindex import builder
from imagesearch_indexer.reindex import writer as reindex_writer

log = structlog.get_logger()

T = TypeVar("T")

INGEST: Final = Extraction(target=ingest_writer.target, settle=ingest_writer.settle, fail=ingest_writer.fail)
KINDS: Final[Mapping[JobKind, Kind]] = {
    JobKind.INDEX: Kind(plan=planner.plan, extraction=INGEST, finish=prune.prune),
    JobKind.REINDEX: Kind(
        plan=partial(builder.plan, after_switch=planner.plan),
        extraction=Extraction(
            target=partial(reindex_writer.target, after_switch=INGEST),
            settle=partial(reindex_writer.settle, after_switch=INGEST),
            fail=partial(reindex_writer.fail, after_switch=INGEST),
        ),
        finish=builder.finish,
        cancel=builder.cancel,
    ),
    JobKind.DUPLICATES: Kind(plan=duplicates.plan, cancel=duplicates.cancel),
    JobKind.EXPORT: Kind(plan=export_job.plan, cancel=export_job.cancel),
}
"""What each kind of job does in its own way. Everything else asks no job for its kind."""


def plan_job(indexer: Indexer, message: PlanJob) -> None:
    """Work on a job for a time slice, in the way of its kind.

    Raises:
        StoreUnavailable: a store went away; the work may be repeated and goes on where it stopped.
    """
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, message.job_id)
    if job.reopened_up_to is not None:
        job = _reopen(indexer, job)
    if job.reopened_up_to is None:
        indexer.kinds[job.kind].plan(indexer, job)


def _reopen(indexer: Indexer, job: jobs.Job) -> jobs.Job:
    """Make failed paths of a job unplanned again, for a time slice; return the job as it is then."""

    def step() -> bool:
        nonlocal job
        with indexer.catalog.transaction() as tx:
            job = jobs.reopen_more(tx, job.id)
        show(indexer.progress, job)
        return job.reopened_up_to is not None and job.state.is_working

    work(indexer, job.id, step)
    return job


def cancel_job(indexer: Indexer, message: CancelJob) -> None:
    """Close a cancelled job, and send batches of others in place of its own.

    Raises:
        StoreUnavailable: a store went away; reconciliation goes on where this stopped.
    """
    close_cancelled(indexer, message.job_id)
    dispatch_left(indexer)


def register_tasks(app: Celery, indexer: Indexer, claims: BatchClaims) -> None:
    """Register every task of the indexer; each waits for stores that are away until the process stops."""

    def with_retry(doing: str, action: Callable[[], T]) -> T:
        return retry_transient(action, indexer.stopping, doing=doing)

    def index(message: IndexBatch) -> Findings:
        with claims.claimed(Queue.INDEX, message.batch_id), STAGE_SECONDS.labels("index").time():
            with_retry("index", lambda: index_batch(indexer, message))
        return Findings.single("indexed", len(message.images))

    def plan(message: PlanJob) -> None:
        with_retry("plan", lambda: plan_job(indexer, message))

    def cancel(message: CancelJob) -> None:
        with_retry("cancel", lambda: cancel_job(indexer, message))

    def delete(message: FinishDeletes) -> Findings:
        removed = with_retry("delete", lambda: finish_deletes(indexer, message.collection_id))
        return Findings.single("deleted", removed)

    def repair(message: Reconcile) -> Findings:
        try:
            found = reconcile(indexer, message)
        except StoreUnavailable as error:
            RECONCILE_RUNS.labels("put_off").inc()
            # The scheduler asks again soon; waiting here would only keep a thread from its work.
            log.warning("reconcile.put_off", reason=str(error))
            return Findings.single("store_unavailable", 1)
        RECONCILE_RUNS.labels("done").inc()
        return found

    register(app, TaskName.INDEX, IndexBatch, index, answers=True)
    register(app, TaskName.PLAN, PlanJob, plan)
    register(app, TaskName.CANCEL, CancelJob, cancel)
    register(app, TaskName.DELETE, FinishDeletes, delete, answers=True)
    register(app, TaskName.RECONCILE, Reconcile, repair, answers=True)
