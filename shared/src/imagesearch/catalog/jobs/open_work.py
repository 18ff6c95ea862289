"""Count what there is to do for each kind of worker, so that an autoscaler can divide it.

The lengths of the queues would mislead: most work waits here, behind the in-flight limit, and what a worker has in
hand is in no list.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import BatchState
from imagesearch.catalog.tables import job_batches, jobs
from imagesearch.contract import JobState

MAX_BATCHES_OF_JOB = 1_000
"""Of one job no more are counted, nor more than ten times as many of all: the statement costs the same for any
job, and no autoscaler has that many workers."""
MAX_COUNTED = 10 * MAX_BATCHES_OF_JOB

_WORKING = (JobState.PLANNING, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Hold how much of the jobs at work has not been done, whether it waits or is in hand.

    Attributes:
        plan: jobs whose source is being listed, or is to be.
        extract: batches without an outcome: the pictures of each go through the network. One that is read counts
            until it is written, as it may have to be read again.
        index: batches in flight: each of them comes to an indexer.
    """

    plan: int
    extract: int
    index: int


def open_work(tx: Transaction) -> OpenWork:
    """Count what jobs at work have left."""
    at_work = (jobs.c.finished_at.is_(None), jobs.c.state.in_(_WORKING))
    # The first ones: those in flight are among them.
    of_job = (
        sa.select(job_batches.c.state)
        .where(job_batches.c.job_id == jobs.c.id, job_batches.c.state.in_((BatchState.READY, BatchState.SENT)))
        .order_by(job_batches.c.id)
        .limit(MAX_BATCHES_OF_JOB)
        .lateral("of_job")
    )
    batches = (
        sa.select(of_job.c.state)
        .select_from(jobs.join(of_job, sa.true()))
        .where(*at_work)
        .limit(MAX_COUNTED)
        .subquery("batches")
    )
    planning = (
        sa.select(jobs.c.id)
        .where(jobs.c.finished_at.is_(None), jobs.c.state == JobState.PLANNING)
        .limit(MAX_COUNTED)
        .subquery("planning")
    )
    count = sa.func.count()
    row = tx.execute(
        sa.select(
            sa.select(count).select_from(planning).scalar_subquery(),
            count,
            count.filter(batches.c.state == BatchState.SENT),
        ).select_from(batches)
    ).one()
    return OpenWork(*row)
