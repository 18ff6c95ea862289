"""End the jobs that operations leave, so that the next ones find nothing to do."""

from __future__ import annotations

from bench.scale.ground import Ground
from bench.scale.timing import require
from imagesearch.catalog import jobs
from imagesearch_indexer.lifecycle.finish import close_cancelled


def give_up(ground: Ground, job_id: str) -> None:
    """Cancel a job and close it."""
    with ground.catalog.transaction() as tx:
        jobs.cancel(tx, job_id)
    close(ground, job_id)


def close(ground: Ground, job_id: str) -> None:
    """Close a job that is cancelled, for as many time slices as it takes."""
    while not _has_ended(ground, job_id):
        close_cancelled(ground.indexer, job_id)


def _has_ended(ground: Ground, job_id: str) -> bool:
    with ground.catalog.reading() as tx:
        return jobs.get(tx, job_id).finished_at is not None


def end(ground: Ground, job_id: str) -> None:
    """End a job that is settled."""
    with ground.catalog.transaction() as tx:
        require(jobs.finish(tx, job_id).finished_at is not None, "a job does not end")
