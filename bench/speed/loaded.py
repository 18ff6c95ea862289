"""Measure searches beside a bulk job, and how many of them are answered in a second."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Final

from bench.calling import Caller
from bench.ground import PIPELINE, Ground, pixels_of
from bench.pictures import Pictures, lay
from bench.ratio import Ratio, median_seconds, seconds
from bench.report import p95
from bench.speed.searched import NAME, searched

PASSES: Final = 5
MIN_ANSWERS: Final = 40
"""That a caller who is alone would wait for, at least: a slow machine is given longer."""
MAX_SLOWDOWN: Final = 3.0
"""Times the 95th percentile of one caller, up to which the answers of many count."""


def measure_beside(ground: Ground) -> None:
    """Measure the 95th percentile beside a job, from its first picture to its end, over that without one."""
    product, caller, pictures = ground.product, searched(ground).product, ground.pictures
    size = ground.sizes.beside
    folder = lay(ground.library / "beside", [pictures.crop(2_000_000 + number) for number in range(size)])
    alone, beside, asked = [], [], 0
    for number in range(ground.sizes.beside_jobs):
        alone.append(p95([seconds(partial(caller.upload, pictures.unseen())) for _ in range(ground.sizes.alone)]))
        job_id, taken = product.submit(folder, f"beside-{number}"), []
        while not (job := product.job(job_id))["finished_at"]:
            took = seconds(partial(caller.upload, pictures.unseen()))
            if job["indexed"]:
                taken.append(took)
        if job["indexed"] != size:
            raise RuntimeError(f"the bulk job did not index everything: {job}")
        beside.append(p95(taken))
        asked += len(taken)
    ratio = Ratio(tuple(beside), tuple(alone))
    ground.board.ratio("search_under_bulk", ratio, "ms, p95 beside a job and alone", 1e3, searches=asked)


def measure_rate(ground: Ground) -> None:
    """Measure how many new pictures are searched by in a second, by more and more callers at once.

    Each caller asks again as soon as it was answered. One that is turned away waits for as long as it is told to;
    only what was answered counts.
    """
    searched(ground)
    network, single = ground.network(), pixels_of([ground.pictures.unseen()])
    rates, forward = [], []
    for _ in range(ground.sizes.caller_rounds):
        best, idle, passes = 0.0, 0.0, []
        for callers in ground.sizes.callers:
            passes.append(median_seconds([partial(network.embed, single, PIPELINE.pooling)] * PASSES))
            length = max(ground.sizes.caller_seconds, MIN_ANSWERS * passes[-1])
            taken, refused = _storm(ground.product.url, callers, length, ground.pictures)
            high = p95(taken) if len(taken) > 1 else math.inf
            rate = len(taken) / length
            idle = idle or high
            ground.board.note(
                f"{callers} callers", a_second=round(rate, 1), p95_ms=round(high * 1e3, 1), turned_away=refused
            )
            if high < MAX_SLOWDOWN * idle:
                best = max(best, rate)
        rates.append(best)
        forward.append(1 / sorted(passes)[len(passes) // 2])
    ground.board.ratio("searches_per_second", Ratio(tuple(rates), tuple(forward)), "a second, searches and passes")


def _storm(url: str, callers: int, length: float, pictures: Pictures) -> tuple[list[float], int]:
    """Have callers search for some seconds; return how long each answer took, and how many were turned away."""
    ends = time.monotonic() + length

    def search() -> tuple[list[float], int]:
        taken, refused = [], 0
        with closing(Caller(url, NAME)) as caller:
            while (now := time.monotonic()) < ends:
                if wait := caller.try_upload(pictures.unseen()):
                    refused += 1
                    time.sleep(min(wait, max(0.0, ends - time.monotonic())))
                elif (answered := time.monotonic()) <= ends:
                    taken.append(answered - now)
        return taken, refused

    with ThreadPoolExecutor(callers) as pool:
        each = [searching.result() for searching in [pool.submit(search) for _ in range(callers)]]
    return [one for taken, _ in each for one in taken], sum(refused for _, refused in each)
