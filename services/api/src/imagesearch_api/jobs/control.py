"""Cancel, pause, resume and retry jobs: each asks the state first, and asking twice changes nothing."""

from __future__ import annotations

import structlog

from imagesearch.access.tenants import Owner
from imagesearch.catalog import jobs
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.states import BuildState
from imagesearch.contract import CancelJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch_api.jobs.ports import Jobs

log = structlog.get_logger()


def cancel(ports: Jobs, job_id: str, owner: Owner) -> jobs.Job:
    """Cancel a job: paths without an outcome get none but ``cancelled``.

    Raises:
        NotFound: there is no such job within the owner's reach.
        Conflict: it has ended.
    """
    with ports.catalog.transaction() as tx:
        before = jobs.lock(tx, job_id, owner)
        job = jobs.cancel(tx, job_id)
    if job == before:
        return job
    try:
        ports.progress.publish(job.progress())
        ports.send(TaskName.CANCEL, CancelJob(job_id), None)
    except StoreUnavailable as error:
        # The state is committed; reconciliation closes the job once Redis is back.
        log.warning("cancel.not_announced", job=job_id, reason=str(error))
    return job


def pause(ports: Jobs, job_id: str, owner: Owner) -> jobs.Job:
    """Pause a job: batches in hand are finished, no more are sent.

    Raises:
        NotFound: there is no such job within the owner's reach.
        Conflict: it has ended.
    """
    with ports.catalog.transaction() as tx:
        before = jobs.lock(tx, job_id, owner)
        job = jobs.pause(tx, job_id)
    if job == before:
        return job
    try:
        ports.progress.publish(job.progress())
    except StoreUnavailable as error:
        log.warning("progress.not_published", job=job_id, reason=str(error))
    return job


def resume(ports: Jobs, job_id: str, owner: Owner) -> jobs.Job:
    """Resume a paused job where it was.

    Raises:
        NotFound: there is no such job within the owner's reach.
        Conflict: it has ended.
    """
    with ports.catalog.transaction() as tx:
        before = jobs.lock(tx, job_id, owner)
        job = jobs.resume(tx, job_id)
    if job != before:
        ports.announce(job)
    return job


def retry(ports: Jobs, job_id: str, owner: Owner) -> jobs.Job:
    """Submit the failed paths of a job that has ended once more, within the same job.

    Raises:
        NotFound: there is no such job within the owner's reach.
        Conflict: it has not ended, was cancelled, or nothing failed.
        QuotaExceeded: as many others as a quota allows have not ended.
    """
    with ports.catalog.transaction() as tx:
        # Locked first: what is being given up at this moment has been given up after that.
        ended = jobs.lock(tx, job_id, owner)
        if ended.finished_at is not None:
            # A search for duplicates has no partition but the one that its key was bound to.
            admission.require_job(tx, ended.collection_id, ended.partition or ended.bound_partition)
        build = builds.get(tx, job_id)
        is_abandoned = build is not None and build.state == BuildState.ABANDONED
        job = jobs.reopen(tx, job_id, is_abandoned=is_abandoned)
    ports.announce(job)
    return job
