"""Count what a job has come to: paths by outcome, how fast they are finished, and when the last one is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog.jobs import Job, change, lock
from imagesearch.catalog.tables import jobs as table
from imagesearch.contract import JobState, Outcome

RATE_SECONDS = 30.0
"""Time constant of the moving average of the rate."""


def count(
    tx: sa.Connection, job_id: str, outcomes: Counter[Outcome], *, submitted: int = 0, worked: bool = False
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


def _pace(finished: int) -> dict[str, Any]:
    """Return the columns of the rate: an exponential moving average over uneven intervals."""
    now = sa.func.clock_timestamp()
    seconds = sa.func.greatest(
        sa.extract("epoch", now - sa.func.coalesce(table.c.rated_at, table.c.created_at)), 1e-3
    )
    weight = 1 - sa.func.exp(-seconds / RATE_SECONDS)
    latest = finished / seconds
    rate = sa.func.coalesce(table.c.rate * (1 - weight) + latest * weight, latest)
    return {"rate": rate, "rated_at": now, "started_at": sa.func.coalesce(table.c.started_at, now)}


def set_counters(tx: sa.Connection, job_id: str, total: int, outcomes: Counter[Outcome]) -> Job:
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


def end(tx: sa.Connection, job_id: str) -> Job:
    """Give a job that is settled its final state; one that is not, or has ended already, stays as it is."""
    job = lock(tx, job_id)
    if job.finished_at is not None or not job.all_settled:
        return job
    if job.state == JobState.CANCELLED:
        state = JobState.CANCELLED
    elif job.error is not None:
        state = JobState.FAILED
    elif job.failed:
        state = JobState.COMPLETED_WITH_FAILURES
    else:
        state = JobState.SUCCEEDED
    return change(tx, job_id, state=state.value, finished_at=sa.func.now(), stalled_at=None)
