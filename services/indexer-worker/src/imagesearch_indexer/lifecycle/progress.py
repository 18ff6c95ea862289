"""Show a job's counters to those who watch it."""

from __future__ import annotations

import structlog

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.progress import ProgressBoard

log = structlog.get_logger()


def show(catalog: Catalog, board: ProgressBoard, job: jobs.Job) -> None:
    """Publish a job's counters, newest last.

    Two threads may publish in the wrong order. Each looks at the row's revision after publishing and repeats
    with what it finds, so whoever comes last has shown the newest one. Nobody looks again at a job that has
    ended: readers take such a report from Postgres anyway.
    """
    try:
        while True:
            board.publish(job.progress())
            if job.finished_at is not None:
                return
            with catalog.reading() as tx:
                newest = jobs.newer_than(tx, job)
            if newest is None:
                return
            job = newest
    except StoreUnavailable as error:
        # Readers go to Postgres when a report is missing or old.
        log.warning("progress.not_published", job=job.id, reason=str(error))
