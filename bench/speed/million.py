"""Measure a job of a million paths that are files: what its workers take at most, and what a poll of it takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

import numpy as np

from bench.calling import Caller
from bench.ground import COMPUTE_BATCH, REPOSITORY, Ground, pixels_of
from bench.pictures import Pictures
from bench.product import JOB_SECONDS, LOOK_SECONDS
from bench.ratio import Ratio, in_turns, median_seconds
from bench.scale.memory import of_process
from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.messaging.broker import close_celery, create_celery, create_redis
from imagesearch.messaging.progress import CeleryProgressBoard
from imagesearch_api.jobs.latest import LatestJob
from support.waiting import until

IN_FOLDER: Final = 10_000
LINKS: Final = 20_000
"""Names of one file; some file systems allow no more than 65,000."""
FEW: Final = 100
POLLS: Final = 20
FORGOTTEN_SECONDS: Final = 300.0
"""Within which whatever is on its way is indexed, and a report is not believed any more."""
EXTRACTED: Final = 256
"""Pictures of the job that are indexed, at least, before its workers' memory is read."""


@dataclass(frozen=True, slots=True)
class LargeJob:
    """Name a paused job of many paths, all of which are planned, and one of few.

    Attributes:
        peaks: of its workers' memory, in bytes, by name.
    """

    many: str
    few: str
    peaks: dict[str, int]


def measure_peak(ground: Ground) -> None:
    """Measure the most memory of each worker over that of a process that runs the network and nothing else."""
    job = large_job(ground)
    bare = _bare_peak(ground)
    worst = max(job.peaks, key=job.peaks.__getitem__)
    sizes = {f"{name}_mib": round(peak / 2**20) for name, peak in job.peaks.items()}
    ratio = Ratio((job.peaks[worst],), (bare,))
    ground.board.ratio("worker_peak", ratio, "MiB", 2**-20, paths=ground.sizes.paths, worst=worst, **sizes)


def measure_poll(ground: Ground) -> None:
    """Measure the published route that clients poll, for both jobs: from Redis, and where Redis knows nothing."""
    job, product = large_job(ground), ground.product
    app = create_celery(product.redis)
    with (
        closing(create_redis(product.redis)) as client,
        closing(Catalog(product.postgres)) as catalog,
        closing(Caller(product.url)) as caller,
    ):
        board, latest = CeleryProgressBoard(app), LatestJob(client)

        def poll(job_id: str, *, is_shown: bool) -> float:
            latest.keep(job_id, None)
            if is_shown:
                with catalog.reading() as tx:
                    board.publish(jobs.get(tx, job_id).progress())
            caller.get("/api/v1/process")
            return median_seconds([partial(caller.get, "/api/v1/process")] * POLLS)

        def is_forgotten(job_id: str) -> bool:
            report = board.look(job_id)
            return report is None or not report.is_fresh

        # What was on its way when the jobs were paused is reported of until the last of it is indexed.
        until(lambda: is_forgotten(job.many) and is_forgotten(job.few), seconds=FORGOTTEN_SECONDS)
        for name, is_shown in (("process_poll_from_postgres", False), ("process_poll", True)):
            many, few = (partial(poll, job_id, is_shown=is_shown) for job_id in (job.many, job.few))
            ratio = in_turns(ground.sizes.polls, many, few)
            ground.board.ratio(name, ratio, "ms a poll", 1e3, paths=ground.sizes.paths)
    close_celery(app)


@cache
def large_job(ground: Ground) -> LargeJob:
    """Plan a job of many paths with its first pictures indexed beside it, pause it, and do the same with few."""
    product, began = ground.product, time.monotonic()
    folder = ground.keep(_linked(ground.library / "large", ground.pictures, ground.sizes.paths))
    linked = time.monotonic() - began
    many = product.submit(folder, "large")
    while (job := product.job(many))["state"] == "planning" or job["indexed"] < EXTRACTED:
        if job["finished_at"] or time.monotonic() - began > JOB_SECONDS:
            raise RuntimeError(f"the large job is not planned while it runs: {job}")
        time.sleep(LOOK_SECONDS)
    if job["total"] != ground.sizes.paths:
        raise RuntimeError(f"the large job lists something else: {job}")
    planned = time.monotonic() - began - linked
    peaks = {name: of_process(process) for name, process in product.workers().items()}
    product.http.post(f"/api/v2/jobs/{many}/pause").raise_for_status()
    few = product.submit(ground.keep(_linked(ground.library / "few", ground.pictures, FEW)), "few")
    product.http.post(f"/api/v2/jobs/{few}/pause").raise_for_status()
    ground.board.note(
        "large job", paths=job["total"], linked_seconds=round(linked), planned_seconds=round(planned)
    )
    return LargeJob(many, few, peaks)


@contextmanager
def _linked(folder: Path, pictures: Pictures, paths: int) -> Iterator[Path]:
    """Make a folder of so many names of photos, in folders of some thousands, for as long as it is needed."""
    kept = folder / "kept"
    kept.mkdir(parents=True)
    named = folder / "named"
    source = b""
    for number in range(paths):
        if number % IN_FOLDER == 0:
            inner = named / f"{number // IN_FOLDER:04}"
            inner.mkdir(parents=True)
        if number % LINKS == 0:
            file = kept / f"{number:09}"
            file.write_bytes(pictures.crop(number // LINKS))
            source = os.fsencode(file)
        os.link(source, os.fsencode(inner) + b"/%09d.jpg" % number)
    try:
        yield named
    finally:
        shutil.rmtree(folder)


def _bare_peak(ground: Ground) -> int:
    """Return the most memory of a process that runs the network and nothing else, in bytes."""
    pixels = ground.folder / "pixels.npy"
    np.save(pixels, pixels_of(ground.pictures.photos(COMPUTE_BATCH)))
    command = [sys.executable, "-m", "bench.bare.network", ground.options.weights, str(pixels)]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout.splitlines()[-1])
