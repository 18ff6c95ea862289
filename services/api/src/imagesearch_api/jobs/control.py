"""Cancel, pause, resume and retry jobs: each asks the state first, and asking twice changes nothing."""

from __future__ import annotations

import sqlalchemy as sa
import structlog

from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.tables import jobs as job_table
from imagesearch.contract import CancelJob, JobState, TaskName
from imagesearch.errors import Conflict, StoreUnavailable
from imagesearch_api.composition import Services
from imagesearch_api.jobs.submit import announce

log = structlog.get_logger()

WORKING = (JobState.PLANNING, JobState.RUNNING)


def cancel(services: Services, job_id: str) -> jobs.Job:
    """Cancel a job: paths without an outcome get none but ``cancelled``.

    Raises:
        NotFound: there is no such job.
        Conflict: it has ended.
    """
    with services.catalog.transaction() as tx:
        job = jobs.lock(tx, job_id)
        if job.state == JobState.CANCELLED:
            return job
        if job.state not in (*WORKING, JobState.PAUSED):
            raise Conflict(f"The job has ended as {job.state}; there is nothing to cancel.")
        job = jobs.change(tx, job_id, state=JobState.CANCELLED.value)
    try:
        services.progress.publish(job.progress())
        services.send(TaskName.CANCEL, CancelJob(job_id), None)
    except StoreUnavailable as error:
        # The state is committed; reconciliation closes the job once Redis is back.
        log.warning("cancel.not_announced", job=job_id, reason=str(error))
    return job


def pause(services: Services, job_id: str) -> jobs.Job:
    """Pause a job: batches in hand are finished, no more are sent.

    Raises:
        NotFound: there is no such job.
        Conflict: it has ended.
    """
    with services.catalog.transaction() as tx:
        job = jobs.lock(tx, job_id)
        if job.state == JobState.PAUSED:
            return job
        if job.state not in WORKING:
            raise Conflict(f"The job has ended as {job.state}; there is nothing to pause.")
        job = jobs.change(tx, job_id, state=JobState.PAUSED.value)
    try:
        services.progress.publish(job.progress())
    except StoreUnavailable as error:
        log.warning("progress.not_published", job=job_id, reason=str(error))
    return job


def resume(services: Services, job_id: str) -> jobs.Job:
    """Resume a paused job where it was.

    Raises:
        NotFound: there is no such job.
        Conflict: it has ended.
    """
    with services.catalog.transaction() as tx:
        job = jobs.lock(tx, job_id)
        if job.state in WORKING:
            return job
        if job.state != JobState.PAUSED:
            raise Conflict(f"The job has ended as {job.state}; there is nothing to resume.")
        state = JobState.PLANNING if job.planned_at is None else JobState.RUNNING
        now = sa.func.now()
        # The pause counts neither as a stall nor as slow work.
        job = jobs.change(tx, job_id, state=state.value, progressed_at=now, rated_at=now)
    announce(services, job)
    return job


def retry(services: Services, job_id: str) -> jobs.Job:
    """Submit the failed paths of a job that has ended once more, within the same job.

    Raises:
        NotFound: there is no such job.
        Conflict: it has not ended, was cancelled, or nothing failed.
    """
    with services.catalog.transaction() as tx:
        job = jobs.lock(tx, job_id)
        if job.finished_at is None:
            raise Conflict(f"The job is {job.state}; failed paths can be retried when it has ended.")
        if job.state == JobState.CANCELLED:
            raise Conflict("The job was cancelled; submit its source again instead.")
        if not job.failed and job.error is None:
            raise Conflict("Nothing failed in this job.")
        build = builds.get(tx, job_id)
        if build is not None and build.state == builds.ABANDONED:
            raise Conflict("What this job had built was dropped; reindex the collection again instead.")
        reopened = ledger.reopen_failed(tx, job_id)
        # A source that could not be read to its end is listed on from where it broke off.
        listing = {"listed_at": None} if job.error is not None and (job.directory or job.manifest) else {}
        job = jobs.change(
            tx,
            job_id,
            state=JobState.PLANNING.value,
            failed=job_table.c.failed - reopened,
            error=None,
            planned_at=None,
            finished_at=None,
            progressed_at=sa.func.now(),
            rated_at=sa.func.now(),
            **listing,
        )
    announce(services, job)
    return job
