"""Dispatch batches, no more at once than may be in flight."""

from __future__ import annotations

import structlog

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.reindex.builds import ThrottleLevel
from imagesearch.contract import ExtractBatch, PlanJob, Queue, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.claims import batch_task_id, plan_task_id
from imagesearch_indexer.composition import Indexer

log = structlog.get_logger()


def ask_for_planning(indexer: Indexer, job_id: str) -> None:
    """Send a planning message; reconciliation does so again where it gets lost."""
    try:
        indexer.send(TaskName.PLAN, PlanJob(job_id), plan_task_id(job_id))
    except StoreUnavailable as error:
        log.warning("plan.not_sent", job=job_id, reason=str(error))


def dispatch(indexer: Indexer, job_id: str) -> int:
    """Send the next batches of a job, as many as may be in flight; return how many.

    The lease is committed before the message leaves. A message that is then lost, or never sent because
    Redis is away, is found by reconciliation once the lease has run out.
    """
    with indexer.catalog.transaction() as tx:
        job = jobs.lock(tx, job_id)
        if not job.state.is_working:
            return 0
        collection = collections.by_id(tx, job.collection_id)
        build = builds.get(tx, job_id) if job.kind == jobs.REINDEX else None
        target = build if build is not None and build.is_building else collection
        in_flight_limit = indexer.settings.window if target is build else _in_flight_limit(indexer, tx, collection)
        leased = batches.lease_ready(tx, job_id, in_flight_limit=in_flight_limit, lease=indexer.settings.lease)
        messages = [
            (
                batch,
                ExtractBatch(
                    job_id=job_id,
                    batch_id=batch.id,
                    model=target.model,
                    preprocessing=target.preprocessing.to_dict(),
                    items=batches.extract_items(tx, batch.id, job, anew=target is build),
                    generation=collection.generation,
                ),
            )
            for batch in leased
        ]
    for batch, message in messages:
        try:
            indexer.send(TaskName.EXTRACT, message, batch_task_id(Queue.EXTRACT, batch.id, batch.attempts))
        except StoreUnavailable as error:
            log.warning("batch.not_sent", job=job_id, batch=batch.id, reason=str(error))
    return len(messages)


def dispatch_others(indexer: Indexer, job_id: str) -> None:
    """Send what the jobs of a collection kept back while this one was at its end."""
    with indexer.catalog.transaction() as tx:
        collection_id = jobs.get(tx, job_id).collection_id
        waiting = [job.id for job in jobs.open_jobs(tx) if job.collection_id == collection_id]
    for waiting_id in waiting:
        dispatch(indexer, waiting_id)


def throttle_level(indexer: Indexer, tx: Transaction, collection: Collection) -> ThrottleLevel:
    """Return what the jobs of a collection may do now that are not its build."""
    return builds.throttle_level(tx, collection.id, timeout=indexer.settings.last_round_timeout)


def _in_flight_limit(indexer: Indexer, tx: Transaction, collection: Collection) -> int:
    """Return how many batches a job that is not a build may have on their way.

    A build that catches up has many times the room of each other job of its collection, so that each of its
    rounds has less to do than the one before.
    """
    return {ThrottleLevel.OPEN: indexer.settings.window, ThrottleLevel.REDUCED: 1, ThrottleLevel.CLOSED: 0}[
        throttle_level(indexer, tx, collection)
    ]
