"""Measure what is answered to those who ask: counts of a collection, and how far a job is."""

from __future__ import annotations

from dataclasses import replace

from bench.scale.ground import Ground
from bench.scale.timing import Timer, require
from imagesearch.access.tenants import NOBODY
from imagesearch.catalog import image_counts
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.jobs.progress import follow
from imagesearch_indexer.lifecycle.progress import show
from support import seeding

CALLS = 20
"""Of which the cheapest counts."""


def counts(ground: Ground, timer: Timer) -> None:
    """Say how many images a collection holds, as `GET /collections`, `/info` and `/count` do."""
    for _ in range(CALLS):
        with timer.timed(), ground.catalog.reading() as tx:
            kept = image_counts.indexed(tx, [ground.collection_id])
        require(kept == {ground.collection_id: ground.size}, "the counts are wrong")


def check_counts(ground: Ground, timer: Timer) -> None:
    """Count one block, as reconciliation does."""
    with timer.timed(min(ground.size, 1 << image_counts.BLOCK_BITS)), ground.catalog.transaction() as tx:
        checked = image_counts.check_next(tx, ground.collection_id, behind=-1)
    require(checked is not None and checked.lacking == 0, "the counts are wrong")


def process(ground: Ground, timer: Timer) -> None:
    """Say how far a job is, as `process` does while it runs: Redis knows."""
    seeding.set_running(ground.catalog, ground.job_id)
    show(ground.indexer.progress, ground.job)
    _follow(_ports(ground), ground, timer)


def process_from_postgres(ground: Ground, timer: Timer) -> None:
    """Say how far a job is of which Redis knows nothing any more."""
    _follow(replace(_ports(ground), progress=InMemoryProgressBoard()), ground, timer)


def _ports(ground: Ground) -> Jobs:
    indexer = ground.indexer
    return Jobs(ground.catalog, indexer.progress, ground.workers, lambda *_: None, indexer.roots)


def _follow(ports: Jobs, ground: Ground, timer: Timer) -> None:
    for _ in range(CALLS):
        with timer.timed():
            progress = follow(ports, ground.job_id, NOBODY)
        require(progress.total == ground.size, "the progress is wrong")
