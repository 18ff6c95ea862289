"""Decide what the state of a job allows, and which state comes next; nothing here asks Postgres."""

from __future__ import annotations

from imagesearch.catalog.jobs.job import Job
from imagesearch.contract import JobState


def why_not_cancel(job: Job) -> str | None:
    """Say why a job cannot be cancelled; None where it can be."""
    return _nothing_left(job, "cancel")


def why_not_pause(job: Job) -> str | None:
    """Say why a job cannot be paused; None where it can be."""
    return _nothing_left(job, "pause")


def why_not_resume(job: Job) -> str | None:
    """Say why a job cannot be resumed; None where it can be."""
    return _has_ended(job, "resume") if job.state.has_ended else None


def why_not_reopen(job: Job, *, is_abandoned: bool) -> str | None:
    """Say why the failed paths of a job cannot be retried; None where they can be.

    Args:
        job: the job.
        is_abandoned: what it had built was dropped.
    """
    if job.finished_at is None:
        return f"The job is {job.state}; failed paths can be retried when it has ended."
    if job.state == JobState.CANCELLED:
        return "The job was cancelled; submit its source again instead."
    if not job.failed and job.error is None:
        return "Nothing failed in this job."
    if job.makes_export:
        return "An export is not tried again; export the collection again instead."
    if is_abandoned:
        return "What this job had built was dropped; reindex the collection again instead."
    return None


def after_resume(job: Job) -> JobState:
    """Return the state in which a paused job goes on: it is planned first, where that has not ended."""
    return JobState.PLANNING if job.planned_at is None else JobState.RUNNING


def after_listing(job: Job) -> JobState:
    """Return the state of a job whose whole source is in the ledger.

    A job that indexes goes on planning until each path has its batch. The others do their work path by path.
    """
    return job.state if not job.plans_while_running or job.state != JobState.PLANNING else JobState.RUNNING


def is_given_up(job: Job) -> bool:
    """Tell whether what a job has not done yet will never be done."""
    return job.state == JobState.CANCELLED or job.error is not None


def final_state(job: Job) -> JobState:
    """Return the state in which a job ends that is settled."""
    if job.state == JobState.CANCELLED:
        return JobState.CANCELLED
    if job.error is not None:
        return JobState.FAILED
    if job.failed:
        return JobState.COMPLETED_WITH_FAILURES
    return JobState.SUCCEEDED


def lists_again(job: Job) -> bool:
    """Tell whether a retry reads a job's source again: one that broke off is read on from where it did."""
    return job.error is not None and bool(job.directory or job.manifest)


def _nothing_left(job: Job, verb: str) -> str | None:
    """Refuse what would come behind the last thing that a job does, and take nothing of it back."""
    if job.state.has_ended:
        return _has_ended(job, verb)
    if job.all_settled:
        return f"Every path of the job has its outcome, and it is about to end; there is nothing to {verb}."
    return None


def _has_ended(job: Job, verb: str) -> str:
    return f"The job has ended as {job.state}; there is nothing to {verb}."
