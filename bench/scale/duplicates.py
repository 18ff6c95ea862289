"""Measure the search for duplicates: the last images of a collection, all of which are one chain."""

from __future__ import annotations

from uuid import uuid4

from bench.scale.ground import NEAR, Ground
from bench.scale.timing import Timer, require
from imagesearch.catalog import jobs
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import JobKind, PlanJob
from imagesearch_indexer.tasks import plan_job
from support import seeding

MAX_CHAIN = 5
"""Pictures of a chain that lie within four times the distance of its first one, in both directions."""


def group(ground: Ground, timer: Timer) -> None:
    """List the images, and put each into the group of its like ones."""
    options = {"generation": 0, "partition": None, "max_distance": 1.01 * NEAR}
    new = jobs.NewJob(str(uuid4()), JobOrigin.V2, directory=None, kind=JobKind.DUPLICATES, options=options)
    images = min(ground.size, timer.most)
    with ground.catalog.transaction() as tx:
        jobs.create(tx, ground.collection_id, new)
        # In the order of ids, and nobody has been looked at before.
        seeding.begin_behind(tx, new.id, ground.size - images)
    with timer.timed(images):
        while (job := _job(ground, new.id)).finished_at is None:
            plan_job(ground.indexer, PlanJob(job.id))
    require(job.unchanged == images, "an image was not looked at")
    with ground.catalog.reading() as tx:
        require(1 < seeding.largest_group(tx) <= MAX_CHAIN, "a chain does not end at its spread")


def _job(ground: Ground, job_id: str) -> jobs.Job:
    with ground.catalog.reading() as tx:
        return jobs.get(tx, job_id)
