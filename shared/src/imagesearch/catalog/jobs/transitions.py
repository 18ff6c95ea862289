"""Move jobs from state to state: each way has its name here, and there is no other.

Each locks the job's row, looks whether its state may be left in this way, and moves the revision. What people
ask for is refused with the reason. What the indexer does may come a moment too late, after somebody cancelled or
paused the job: then the job stays as it is, and the caller reads that from what is returned.

All of them raise `NotFound` where there is no such job.
"""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import callbacks, decisions, ledger, rows
from imagesearch.catalog.jobs.job import Job
from imagesearch.catalog.tables import jobs as table
from imagesearch.contract import JobState
from imagesearch.errors import Conflict, ConflictCode

_ALL_SETTLED = sa.and_(
    table.c.planned_at.is_not(None),
    table.c.indexed + table.c.unchanged + table.c.failed + table.c.cancelled == table.c.total,
)
"""The condition of `Job.all_settled`, for rows."""
REOPEN_SLICE = 1_000
"""Failed paths that become unplanned again in one transaction, for the first of which the caller waits."""
_UNENDED = [state for state in JobState if not state.has_ended]


def cancel(tx: Transaction, job_id: str) -> Job:
    """Cancel a job; one that is cancelled stays as it is.

    Raises:
        Conflict: it has ended, or is settled and only its end has not been recorded.
    """
    job = rows.lock(tx, job_id)
    if job.state == JobState.CANCELLED:
        return job
    _refuse(decisions.why_not_cancel(job))
    return rows.change(tx, job_id, state=JobState.CANCELLED)


def cancel_some(tx: Transaction, collection_id: int, *, behind: int, limit: int) -> list[Job]:
    """Cancel the next jobs of a collection that have not ended and are not settled; return them, oldest first.

    Args:
        tx: the transaction.
        collection_id: the collection.
        behind: the number of a job; 0 begins with the first.
        limit: the most jobs.
    """
    is_open = (table.c.finished_at.is_(None), table.c.state.in_(_UNENDED), sa.not_(_ALL_SETTLED))
    some = (
        sa.select(table.c.id)
        .where(table.c.collection_id == collection_id, table.c.number > behind, *is_open)
        .order_by(table.c.number)
        .limit(limit)
        .with_for_update(key_share=True)
    )
    return rows.change_all(tx, table.c.id.in_(some.cte("some").select()), state=JobState.CANCELLED)


def pause(tx: Transaction, job_id: str) -> Job:
    """Pause a job; one that is paused stays as it is.

    Raises:
        Conflict: it has ended, or is settled and only its end has not been recorded.
    """
    job = rows.lock(tx, job_id)
    if job.state == JobState.PAUSED:
        return job
    _refuse(decisions.why_not_pause(job))
    return rows.change(tx, job_id, state=JobState.PAUSED)


def resume(tx: Transaction, job_id: str) -> Job:
    """Let a paused job go on where it was; one that is not paused stays as it is.

    Raises:
        Conflict: it has ended.
    """
    job = rows.lock(tx, job_id)
    if job.state.is_working:
        return job
    _refuse(decisions.why_not_resume(job))
    now = sa.func.now()
    # The pause counts neither as a stall nor as slow work.
    return rows.change(tx, job_id, state=decisions.after_resume(job), progressed_at=now, rated_at=now)


def reopen(tx: Transaction, job_id: str, *, is_abandoned: bool = False) -> Job:
    """Have the failed paths of a job that has ended tried again: some of them now, the others by `reopen_more`.

    Args:
        tx: the transaction.
        job_id: the job.
        is_abandoned: what it had built was dropped.

    Raises:
        Conflict: it has not ended, was cancelled, or nothing can be retried.
    """
    job = rows.lock(tx, job_id)
    _refuse(decisions.why_not_reopen(job, is_abandoned=is_abandoned))
    reopened = ledger.reopen_failed(tx, job_id, after=0, limit=REOPEN_SLICE)
    now = sa.func.now()
    return rows.change(
        tx,
        job_id,
        state=JobState.PLANNING,
        failed=table.c.failed - reopened.changed,
        reopened_up_to=reopened.last,
        pruned_up_to=None,
        error=None,
        listed_at=None if decisions.lists_again(job) else table.c.listed_at,
        planned_at=None,
        finished_at=None,
        folded_at=None,
        progressed_at=now,
        rated_at=now,
    )


def reopen_more(tx: Transaction, job_id: str) -> Job:
    """Make more failed paths of a job unplanned that is tried again; planning ends behind the last of them."""
    job = rows.lock(tx, job_id)
    if job.reopened_up_to is None or not job.state.is_working:
        return job
    reopened = ledger.reopen_failed(tx, job_id, after=job.reopened_up_to, limit=REOPEN_SLICE)
    return rows.change(
        tx,
        job_id,
        failed=table.c.failed - reopened.changed,
        reopened_up_to=reopened.last,
        progressed_at=sa.func.now(),
    )


def reached(tx: Transaction, job_id: str, cursor: str) -> Job:
    """Record behind which entry of its source a job's listing goes on."""
    job = rows.lock(tx, job_id)
    if job.state.has_ended:
        return job
    return rows.change(tx, job_id, planned_up_to=cursor)


def listed(tx: Transaction, job_id: str) -> Job:
    """Record that a job's whole source is in the ledger."""
    job = rows.lock(tx, job_id)
    if job.state.has_ended:
        return job
    return rows.change(tx, job_id, listed_at=sa.func.now(), state=decisions.after_listing(job))


def planned(tx: Transaction, job_id: str) -> Job:
    """Record that every path of a job has its batch or its outcome.

    One that is paused stays as it is, and so does one that is still being opened again.
    """
    job = rows.lock(tx, job_id)
    if not job.state.is_working or job.reopened_up_to is not None:
        return job
    return rows.change(tx, job_id, planned_at=sa.func.now(), state=JobState.RUNNING)


def break_off(tx: Transaction, job_id: str, reason: str) -> Job:
    """End the planning of a job whose source cannot be read to its end; what was listed gets its outcome.

    One that is paused stays as it is: it is planned again when it is resumed.
    """
    job = rows.lock(tx, job_id)
    if job.state != JobState.PLANNING:
        return job
    now = sa.func.now()
    return rows.change(tx, job_id, error=reason, state=JobState.RUNNING, listed_at=now, planned_at=now)


def fail(tx: Transaction, job_id: str, reason: str) -> Job:
    """Record why a job cannot succeed; it ends as failed once its paths are closed."""
    job = rows.lock(tx, job_id)
    if job.state.has_ended:
        return job
    return rows.change(tx, job_id, error=reason)


def close_listing(tx: Transaction, job_id: str) -> Job:
    """Record that no path will be added to a job that is cancelled or has failed."""
    job = rows.lock(tx, job_id)
    if job.planned_at is not None or not decisions.is_given_up(job):
        return job
    return rows.change(tx, job_id, planned_at=sa.func.now(), reopened_up_to=None)


def pruned(tx: Transaction, job_id: str, up_to: str) -> Job:
    """Record behind which path a settled job goes on with deleting what it has not found."""
    return rows.change(tx, job_id, pruned_up_to=up_to, progressed_at=sa.func.now())


def stalled(tx: Transaction, job_id: str) -> Job:
    """Flag a job that makes no progress, until it makes some."""
    job = rows.lock(tx, job_id)
    if not job.state.is_working or job.stalled_at is not None:
        return job
    return rows.change(tx, job_id, stalled_at=sa.func.now())


def finish(tx: Transaction, job_id: str, *, seen: Job | None = None) -> tuple[Job, bool]:
    """Give a job that is settled its final state; one that is not, or has ended already, stays as it is.

    Returns:
        The job as it is then, and whether it has ended by this.

    Args:
        tx: the transaction.
        job_id: the job.
        seen: as it was read last; where it has not moved since, it is not read again.
    """
    ended = _finish(tx, seen) if seen is not None else None
    if ended is not None:
        return ended, True
    job = rows.lock(tx, job_id)
    ended = _finish(tx, job)
    return (job, False) if ended is None else (ended, True)


def _finish(tx: Transaction, job: Job) -> Job | None:
    """End a job unless it has moved since it was read, is not settled, or has ended; note who is to be told."""
    if job.finished_at is not None or not job.all_settled:
        return None
    ended = rows.change_all(
        tx,
        table.c.id == job.id,
        table.c.revision == job.revision,
        state=decisions.final_state(job),
        finished_at=sa.func.now(),
        stalled_at=None,
    )
    if not ended:
        return None
    callbacks.enqueue(tx, ended[0])
    return ended[0]


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise Conflict(reason, ConflictCode.JOB_STATE)
