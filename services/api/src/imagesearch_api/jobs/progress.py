"""Read how far a job is: Celery's result backend while it runs, Postgres behind it."""

from __future__ import annotations

import structlog

from imagesearch.access.tenants import Owner
from imagesearch.catalog import jobs
from imagesearch.errors import StoreUnavailable
from imagesearch.job_progress import JobProgress
from imagesearch.messaging.progress import Report
from imagesearch_api.jobs.ports import Jobs

log = structlog.get_logger()


def follow(ports: Jobs, job_id: str, owner: Owner) -> JobProgress:
    """Return a job's progress with one read, whatever its size; with one more for a key that is bound.

    Raises:
        NotFound: there is no such job within the owner's reach.
        StoreUnavailable: neither store answers; for a key that is bound, Postgres does not.
    """
    if owner.tenancy.is_bound:
        # What is published does not say to whom it may be shown.
        with ports.catalog.reading() as tx:
            jobs.get(tx, job_id, owner)
    shown: Report | None = None
    try:
        shown = ports.progress.look(job_id)
    except StoreUnavailable as error:
        log.warning("progress.not_read", job=job_id, reason=str(error))
    if shown is not None and shown.is_fresh:
        return shown.progress
    try:
        with ports.catalog.reading() as tx:
            return jobs.get(tx, job_id).progress()
    except StoreUnavailable:
        if shown is None:
            raise
        return shown.progress
