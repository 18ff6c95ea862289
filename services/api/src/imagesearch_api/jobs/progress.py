"""Read how far a job is: Celery's result backend while it runs, Postgres behind it."""

from __future__ import annotations

import structlog

from imagesearch.catalog import jobs
from imagesearch.errors import StoreUnavailable
from imagesearch.job_progress import JobProgress
from imagesearch.messaging.progress import Report
from imagesearch_api.jobs.ports import Jobs

log = structlog.get_logger()


def follow(ports: Jobs, job_id: str) -> JobProgress:
    """Return a job's progress with one read, whatever its size.

    Raises:
        NotFound: there is no such job.
        StoreUnavailable: neither store answers.
    """
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
