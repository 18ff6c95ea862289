"""Measure the planning of a folder on the disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from uuid import uuid4

from bench.scale.ending import give_up
from bench.scale.ground import Ground
from bench.scale.timing import Timer, require
from imagesearch.catalog import collections, jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import PlanJob
from imagesearch_indexer.tasks import plan_job
from support import seeding

WRITTEN_NS: Final = 1_700_000_000_000_000_000
"""When the files say that they were written."""


def plan_new(ground: Ground, timer: Timer) -> None:
    """Plan a folder of files that nobody has seen before, up to their batches."""
    folder = ground.folder.parent / "planned"
    folder.mkdir(exist_ok=True)
    for number in range(ground.size):
        path = folder / f"{number:09}.jpg"
        path.touch()
        os.utime(path, ns=(WRITTEN_NS, WRITTEN_NS))
    job_id = _plan(ground, folder, timer)
    give_up(ground, job_id)


def plan_unchanged(ground: Ground, timer: Timer) -> None:
    """Plan the same folder, all of which is indexed as it is."""
    with ground.catalog.transaction() as tx:
        seeding.mark_indexed(tx, _planned(tx), WRITTEN_NS)
        seeding.analyze(tx)
    job_id = _plan(ground, ground.folder.parent / "planned", timer)
    with ground.catalog.reading() as tx:
        require(jobs.get(tx, job_id).unchanged == ground.size, "a file was not found as it is")


def _planned(tx: Transaction) -> int:
    made, _ = collections.create(tx, "planned")
    return made.id


def _plan(ground: Ground, folder: Path, timer: Timer) -> str:
    job = jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory=str(folder))
    with ground.catalog.transaction() as tx:
        jobs.create(tx, _planned(tx), job)
    is_planned = False
    with timer.timed(ground.size):
        while not is_planned:
            plan_job(ground.indexer, PlanJob(job.id))
            with ground.catalog.reading() as tx:
                is_planned = jobs.get(tx, job.id).planned_at is not None
    return job.id
