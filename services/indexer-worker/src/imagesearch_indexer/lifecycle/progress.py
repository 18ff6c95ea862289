"""Show a job's counters to those who watch it."""

from __future__ import annotations

import structlog

from imagesearch.catalog import jobs
from imagesearch.errors import StoreUnavailable
from imagesearch_indexer.composition import Indexer

log = structlog.get_logger()


def show(indexer: Indexer, job: jobs.Job) -> None:
    """Publish a job's counters, newest last.

    Two threads may publish in the wrong order. Each looks at the row again after publishing and repeats
    with what it finds, so whoever comes last has shown the newest revision.
    """
    try:
        while True:
            indexer.progress.publish(job.progress())
            with indexer.catalog.transaction() as tx:
                newest = jobs.get(tx, job.id)
            if newest.revision == job.revision:
                return
            job = newest
    except StoreUnavailable as error:
        # Readers go to Postgres when a report is missing or old.
        log.warning("progress.not_published", job=job.id, reason=str(error))
