"""Count what a job has come to: paths by outcome, and how fast they are finished."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs.job import Job
from imagesearch.catalog.jobs.rows import change
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
