"""Count what a job has come to: paths by outcome, and how fast they are finished."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog import locks
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs.job import Job
from imagesearch.catalog.jobs.rows import change, change_all, get
from imagesearch.catalog.tables import job_increments as increments
from imagesearch.catalog.tables import jobs as table
from imagesearch.contract import Outcome

RATE_SECONDS = 30.0
"""Time constant of the moving average of the rate."""


def count(
    tx: Transaction, job_id: str, outcomes: Counter[Outcome], *, submitted: int = 0, worked: bool = False
) -> Job:
    """Move a job's counters by what the ledger has just recorded, and return the job.

    Args:
        tx: the transaction that recorded the outcomes.
        job_id: the job.
        outcomes: the outcomes recorded.
        submitted: paths that are new in the ledger.
        worked: the outcomes are those of a batch, so they tell how fast the work goes.
    """
    pace = _pace(outcomes.total()) if worked else {}
    return change(
        tx,
        job_id,
        total=table.c.total + submitted,
        indexed=table.c.indexed + outcomes[Outcome.INDEXED],
        unchanged=table.c.unchanged + outcomes[Outcome.UNCHANGED],
        failed=table.c.failed + outcomes[Outcome.FAILED],
        cancelled=table.c.cancelled + outcomes[Outcome.CANCELLED],
        progressed_at=sa.func.now(),
        stalled_at=None,
        **pace,
    )


def note(tx: Transaction, job_id: str, outcomes: Counter[Outcome]) -> None:
    """Note what a batch has come to; `add_up` moves the counters of its job.

    Batches of one job that are settled at the same time would wait for each other's commit at the job's row. This
    waits for nobody.
    """
    tx.execute(
        sa.insert(increments).values(
            job_id=job_id, **{outcome.value: outcomes[outcome] for outcome in Outcome if outcomes[outcome]}
        )
    )


def add_up(tx: Transaction, job: Job) -> Job:
    """Move a job's counters by what has been noted, and return the job; for after the commit of what was noted.

    Of those who do so at the same time the first adds up for all that wait behind it. The last sees everything, so
    that one of them finds the job settled.

    Args:
        tx: the transaction; nothing may be locked behind this.
        job: as it was read last.
    """
    locks.counts(tx, job.number)
    changed = _add_up(tx, sa.literal(job.id, type_=increments.c.job_id.type))
    return changed[0] if changed else get(tx, job.id)


def add_up_if_free(tx: Transaction, job: Job) -> Job | None:
    """Do as `add_up` without waiting; return None where somebody else has the job's row, or is adding up.

    So it may come behind whatever else a transaction has locked.
    """
    if not locks.counts_if_free(tx, job.number):
        return None
    free = sa.select(table.c.id).where(table.c.id == job.id).with_for_update(skip_locked=True, key_share=True)
    changed = _add_up(tx, free.cte("free").select().scalar_subquery())
    if changed:
        return changed[0]
    return None if has_noted(tx, job.id) else get(tx, job.id)


def _add_up(tx: Transaction, job_id: sa.ColumnElement[str]) -> list[Job]:
    """Move a job's counters by what has been noted; the caller keeps others from that."""
    gone = sa.delete(increments).where(increments.c.job_id == job_id).returning(increments).cte("gone")
    summed = (sa.cast(sa.func.sum(gone.c[each.value]), sa.BigInteger).label(each.value) for each in Outcome)
    sums = sa.select(gone.c.job_id, *summed).group_by(gone.c.job_id).cte("sums")
    finished = sum((sums.c[each.value] for each in Outcome), sa.literal(0))
    return change_all(
        tx,
        table.c.id == sums.c.job_id,
        **{each.value: table.c[each.value] + sums.c[each.value] for each in Outcome},
        progressed_at=sa.func.now(),
        stalled_at=None,
        **_pace(finished),
    )


def has_noted(tx: Transaction, job_id: str) -> bool:
    """Tell whether something was noted of a job that its counters do not say yet."""
    return tx.execute(sa.select(sa.exists().where(increments.c.job_id == job_id))).scalar_one()


def behind(tx: Transaction, *, limit: int) -> list[str]:
    """Return jobs of which something was noted that their counters do not say yet."""
    query = sa.select(increments.c.job_id).order_by(increments.c.id).limit(limit)
    return sorted(set(tx.execute(query).scalars()))


def _pace(finished: Any) -> dict[str, Any]:
    """Return the columns of the rate: an exponential moving average over uneven intervals."""
    now = sa.func.clock_timestamp()
    seconds = sa.func.greatest(
        sa.extract("epoch", now - sa.func.coalesce(table.c.rated_at, table.c.created_at)), 1e-3
    )
    weight = 1 - sa.func.exp(-seconds / RATE_SECONDS)
    latest = finished / seconds
    rate = sa.func.coalesce(table.c.rate * (1 - weight) + latest * weight, latest)
    return {"rate": rate, "rated_at": now, "started_at": sa.func.coalesce(table.c.started_at, now)}


def recounted(tx: Transaction, job_id: str, total: int, outcomes: Counter[Outcome]) -> Job:
    """Replace a job's counters by what was counted in its ledger, and return the job."""
    return change(
        tx,
        job_id,
        total=total,
        indexed=outcomes[Outcome.INDEXED],
        unchanged=outcomes[Outcome.UNCHANGED],
        failed=outcomes[Outcome.FAILED],
        cancelled=outcomes[Outcome.CANCELLED],
    )


def removed(tx: Transaction, job_id: str, number: int) -> Job:
    """Count images that pruning deleted because their files are gone, and return the job."""
    return change(tx, job_id, removed=table.c.removed + number)
