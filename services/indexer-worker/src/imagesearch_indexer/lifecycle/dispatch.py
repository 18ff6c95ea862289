"""Dispatch batches, no more at once than may be in flight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches
from imagesearch.contract import ExtractBatch, PlanJob, Queue, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.claims import batch_task_id, plan_task_id
from imagesearch_indexer.composition import Indexer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Leased:
    """Hold a batch that may leave once its lease is committed."""

    batch: batches.Batch
    message: ExtractBatch


def ask_for_planning(indexer: Indexer, job_id: str) -> None:
    """Send a planning message; reconciliation does so again where it gets lost."""
    try:
        indexer.send(TaskName.PLAN, PlanJob(job_id), plan_task_id(job_id))
    except StoreUnavailable as error:
        log.warning("plan.not_sent", job=job_id, reason=str(error))


def dispatch(indexer: Indexer, job_id: str) -> None:
    """Send the next batches of a job, as many as may be in flight."""
    with indexer.catalog.transaction() as tx:
        job = jobs.lock(tx, job_id)
        leased = lease(indexer, tx, job, collections.by_id(tx, job.collection_id))
    send_leased(indexer, leased)


def lease(indexer: Indexer, tx: Transaction, job: jobs.Job, collection: Collection) -> list[Leased]:
    """Lease the next batches of a job, as many as may be in flight.

    The lease is committed before the message leaves. A message that is then lost, or never sent because
    Redis is away, is found by reconciliation once the lease has run out.

    Args:
        indexer: the settings.
        tx: the transaction, which holds the job's row.
        job: the job as that row is now.
        collection: the job's collection.
    """
    extraction = indexer.kinds[job.kind].extraction
    if extraction is None or not job.state.is_working:
        return []
    target = extraction.target(indexer, tx, job, collection)
    leased = batches.lease_ready(tx, job.id, in_flight_limit=target.in_flight_limit, lease=indexer.settings.lease)
    return [
        Leased(
            batch,
            ExtractBatch(
                job_id=job.id,
                batch_id=batch.id,
                model=target.model,
                preprocessing=target.preprocessing.to_dict(),
                items=batches.extract_items(tx, batch.id, anew=target.anew),
                generation=collection.generation,
            ),
        )
        for batch in leased
    ]


def send_leased(indexer: Indexer, leased: Sequence[Leased]) -> None:
    """Send batches whose lease is committed."""
    for each in leased:
        batch = each.batch
        try:
            indexer.send(TaskName.EXTRACT, each.message, batch_task_id(Queue.EXTRACT, batch.id, batch.attempts))
        except StoreUnavailable as error:
            log.warning("batch.not_sent", job=batch.job_id, batch=batch.id, reason=str(error))


def dispatch_others(indexer: Indexer, job_id: str) -> None:
    """Send what the jobs of a collection kept back while this one was at its end."""
    with indexer.catalog.transaction() as tx:
        collection_id = jobs.get(tx, job_id).collection_id
        waiting = [job.id for job in jobs.open_jobs(tx) if job.collection_id == collection_id]
    for waiting_id in waiting:
        dispatch(indexer, waiting_id)
