"""Measure the planning of a folder on the disk, as the end of a tree of as many paths as are measured.

What comes before it in the tree is in the ledger already, as after an interruption, and is no file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from bench.scale.ground import Ground
from bench.scale.timing import Timer, require
from imagesearch.contract import PlanJob
from imagesearch_indexer.tasks import plan_job
from support import seeding

WRITTEN_NS: Final = 1_700_000_000_000_000_000
"""When the files say that they were written."""


def lay_out(folder: Path, files: int) -> None:
    """Make a folder of so many empty files."""
    folder.mkdir()
    for number in range(files):
        path = f"{folder}/{number:09}.jpg"
        os.close(os.open(path, os.O_CREAT))
        os.utime(path, ns=(WRITTEN_NS, WRITTEN_NS))


def plan_new(ground: Ground, timer: Timer) -> None:
    """Plan a folder of files that nobody has seen before, up to their batches."""
    lay_out(_new(ground), min(ground.size, timer.most))
    _plan(ground, timer)


def plan_unchanged(ground: Ground, timer: Timer) -> None:
    """Plan the same folder, all of which is indexed as it is."""
    with ground.catalog.transaction() as tx:
        seeding.forget_planned(tx, ground.job_id, ground.size)
        seeding.mark_indexed(tx, ground.collection_id, str(_new(ground)), WRITTEN_NS)
        seeding.analyze(tx)
    before = ground.job.unchanged
    _plan(ground, timer)
    require(ground.job.unchanged == before + timer.units, "a file was not found as it is")
    with ground.catalog.transaction() as tx:
        seeding.forget_planned(tx, ground.job_id, ground.size)


def _new(ground: Ground) -> Path:
    return ground.folder.parent / "new"


def _plan(ground: Ground, timer: Timer) -> None:
    seeding.set_planning(ground.catalog, ground.job_id, str(ground.folder), ground.size)
    listed = ground.job.total
    while ground.job.listed_at is None:
        with timer.timed() as part:
            plan_job(ground.indexer, PlanJob(ground.job_id))
        part.units = ground.job.total - listed
        listed = ground.job.total
    require(timer.units == min(ground.size, timer.most), "a file was not listed")
