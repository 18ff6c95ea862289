"""Show a job's counters to those who watch it."""

from __future__ import annotations

import structlog

from imagesearch.catalog import jobs
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.progress import ProgressBoard

log = structlog.get_logger()


def show(board: ProgressBoard, job: jobs.Job) -> None:
    """Publish a job's counters; a board that does not answer is passed over, as readers then go to Postgres."""
    try:
        board.publish(job.progress())
    except StoreUnavailable as error:
        log.warning("progress.not_published", job=job.id, reason=str(error))
