"""Lease batches that are sent, and tell what is on its way.

No statement here counts what is ready, and none waits for a row: a batch that another transaction holds is passed
over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs.batches import Batch
from imagesearch.catalog.jobs.job import extracts_for_collection
from imagesearch.catalog.states import BatchState
from imagesearch.catalog.tables import collections, jobs
from imagesearch.catalog.tables import job_batches as table
from imagesearch.contract import JobState, Queue
from imagesearch.networks import queue_for

_COLUMNS = columns_of(table, Batch)
_WORKING = (JobState.PLANNING, JobState.RUNNING)
_IS_READY = sa.and_(table.c.state == BatchState.READY, table.c.waits_for.is_(None))
"""One that waits for a batch of another job is taken when that has come back."""


def lease_ready(tx: Transaction, job_id: str, *, number: int, queue: str, lease: timedelta) -> list[Batch]:
    """Lease the first ready batches of a job that goes on, but for those on which workers have died.

    Args:
        tx: the transaction.
        job_id: the job.
        number: of batches, at most.
        queue: where they are going to be sent.
        lease: for how long they are taken to be on their way.
    """
    ready = (
        sa.select(table.c.id)
        .where(table.c.job_id == job_id, _IS_READY, table.c.crashes == 0)
        .order_by(table.c.id)
        .limit(number)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return _lease(tx, ready, job_id, queue, lease)


def lease_suspect(tx: Transaction, job_id: str, *, queue: str, lease: timedelta) -> list[Batch]:
    """Lease the first batch of a job on which workers have died, unless another one is on its way.

    A worker holds several batches at once, and its death counts for each. So the suspects go one after another:
    what kills is then never twice beside the same innocent batch. The caller has kept others from dispatching.
    """
    other = table.alias("other")
    is_on_its_way = sa.exists().where(
        other.c.job_id == job_id, other.c.state == BatchState.SENT, other.c.crashes > 0
    )
    first = (
        sa.select(table.c.id)
        .where(table.c.job_id == job_id, _IS_READY, table.c.crashes > 0, ~is_on_its_way)
        .order_by(table.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True, of=table)
    )
    return _lease(tx, first, job_id, queue, lease)


def _lease(
    tx: Transaction, ready: sa.Select[tuple[int]], job_id: str, queue: str, lease: timedelta
) -> list[Batch]:
    # Somebody may have paused or cancelled the job since it was read.
    goes_on = sa.exists().where(jobs.c.id == job_id, jobs.c.state.in_(_WORKING))
    leased = tx.execute(
        sa.update(table)
        .where(table.c.id.in_(ready.cte("ready").select()), goes_on)
        .values(
            state=BatchState.SENT,
            attempts=table.c.attempts + 1,
            leased_until=sa.func.now() + lease,
            queue=queue,
        )
        .returning(*_COLUMNS)
    )
    return sorted((Batch(*row) for row in leased), key=lambda batch: batch.id)


def lease_unsent(tx: Transaction, batch_id: int, *, lease: timedelta) -> None:
    """Lease a batch that no extractor is asked for, because its sender has the answer."""
    tx.execute(
        sa.update(table)
        .where(table.c.id == batch_id)
        .values(state=BatchState.SENT, attempts=table.c.attempts + 1, leased_until=sa.func.now() + lease)
    )


def lease_again(tx: Transaction, batch_ids: Sequence[int], *, lease: timedelta) -> None:
    """Make the leases of batches that are on their way last longer."""
    tx.execute(
        sa.update(table)
        .where(table.c.id.in_(batch_ids), table.c.state == BatchState.SENT)
        .values(leased_until=sa.func.now() + lease)
    )


def expired(tx: Transaction, *, limit: int) -> list[Batch]:
    """Return batches on their way whose lease has run out, oldest lease first."""
    query = (
        sa.select(*_COLUMNS)
        .where(table.c.state == BatchState.SENT, table.c.leased_until < sa.func.now())
        .order_by(table.c.leased_until)
        .limit(limit)
    )
    return [Batch(*row) for row in tx.execute(query)]


@dataclass(frozen=True, slots=True)
class OnTheirWay:
    """Hold how many batches of a job are on their way to and from one queue."""

    queue: str
    job_id: str
    tenant: tuple[int, str]
    batches: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Name a job that has batches to send; the numbers of jobs give an order.

    Attributes:
        tenant: the collection and the partition that it works for.
        queue: where its batches go; None where that depends on more than its collection.
    """

    job_id: str
    number: int
    tenant: tuple[int, str]
    queue: str | None = None


_TENANT = (jobs.c.collection_id, sa.func.coalesce(jobs.c.partition, ""))


def on_their_way(tx: Transaction) -> list[OnTheirWay]:
    """Count the batches that extractors were given, by queue and job: as many as may be in flight, and no more."""
    query = (
        sa.select(table.c.queue, table.c.job_id, *_TENANT, sa.func.count())
        .join(jobs, jobs.c.id == table.c.job_id)
        .where(table.c.state == BatchState.SENT, table.c.queue.is_not(None))
        .group_by(table.c.queue, table.c.job_id, *_TENANT)
    )
    return [OnTheirWay(row[0], row[1], (row[2], row[3]), row[4]) for row in tx.execute(query)]


def are_on_their_way(tx: Transaction, job_id: str, *, limit: int) -> int:
    """Count the batches of one job that are on their way, up to a limit."""
    some = sa.select(sa.literal(1)).where(table.c.job_id == job_id, table.c.state == BatchState.SENT).limit(limit)
    return tx.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()


def waits_its_turn(tx: Transaction, job_id: str) -> bool:
    """Tell whether a job has batches to send and none on its way."""
    of_job = sa.exists().where(table.c.job_id == job_id)
    has_ready, has_sent = (of_job.where(table.c.state == each) for each in (BatchState.READY, BatchState.SENT))
    return tx.execute(sa.select(has_ready & ~has_sent)).scalar_one()


def waiting_jobs(tx: Transaction, *, after: int, limit: int) -> list[Waiting]:
    """Return jobs that have batches to send: the next ones behind a number, and then from the first on."""
    behind = _waiting(tx, jobs.c.number > after, limit=limit)
    return (
        behind
        if len(behind) == limit
        else behind + _waiting(tx, jobs.c.number <= after, limit=limit - len(behind))
    )


def _waiting(tx: Transaction, which: sa.ColumnElement[bool], *, limit: int) -> list[Waiting]:
    has_ready: Any = sa.exists().where(table.c.job_id == jobs.c.id, _IS_READY)
    query = (
        sa.select(jobs.c.id, jobs.c.number, *_TENANT, jobs.c.kind, collections.c.network, collections.c.model)
        .join(collections, collections.c.id == jobs.c.collection_id)
        .where(jobs.c.finished_at.is_(None), jobs.c.state.in_(_WORKING), which, has_ready)
        .order_by(jobs.c.number)
        .limit(limit)
    )
    return [
        Waiting(
            row[0],
            row[1],
            (row[2], row[3]),
            queue_for(Queue.EXTRACT, row[5], row[6]) if extracts_for_collection(row[4]) else None,
        )
        for row in tx.execute(query)
    ]
