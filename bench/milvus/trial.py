"""Try one index type: recall, latency alone and beside other work, memory, and what a restart takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import numpy as np

from bench.milvus.ground import BESIDE, NAME, Ground, Kind
from bench.milvus.truth import K, Keys
from bench.report import median, p95, times_ms
from imagesearch.contract import Vectors

SEARCHES: Final = 200
PAGE: Final = 100
ROWS_A_SECOND: Final = 300
"""What ten extractors on two cores bring."""
ROWS_AT_ONCE: Final = 64
WRITING_SECONDS: Final = 30.0
WARM_SECONDS: Final = 1.0
MIN_SEARCHES: Final = 2
WRITTEN_SEED: Final = 2**32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Questions:
    """Hold vectors that are in no collection, and the keys of those ten that are nearest to each."""

    vectors: Vectors
    nearest: Keys


@dataclass(frozen=True, slots=True)
class Trial:
    """Hold what was measured of an index type: of searches p50 and p95 in milliseconds, other times in seconds.

    Attributes:
        build: until all rows are indexed.
        loaded: until a collection that was not in memory is searched by its index.
        restarted: from a kill to the first answer.
        recall: how many of the ten nearest are found, by share of 1, of vectors like those of photos.
        recall_noise: of vectors that are like no others.
        alone: a search for ten.
        page: a search for the first hundred.
        writing: a search for ten while rows are written.
        written: how many a second were.
        building: a search for ten while the index of another collection is built.
        resident: bytes of the server, started anew, with the collection loaded.
        load: of the machine when it ended.
    """

    kind: Kind
    build: float
    loaded: float
    restarted: float
    recall: float
    recall_noise: float
    alone: tuple[float, float]
    page: tuple[float, float]
    writing: tuple[float, float]
    written: float
    building: tuple[float, float]
    resident: int
    load: float


def tried(
    ground: Ground, kind: Kind, photos: Questions, noise: Questions, draw: Callable[[int, int], Vectors]
) -> Trial:
    """Build an index, measure, and take the index away.

    Args:
        ground: its collection has no index.
        kind: of the index.
        photos: what is searched by.
        noise: what is searched by to learn its recall alone.
        draw: returns so many vectors, drawn by a seed, which are written meanwhile.
    """
    build = ground.build(NAME, kind)
    loaded = ground.load()
    # Started anew: building leaves memory behind that has nothing to do with the index.
    restarted = ground.restart()
    ground.load()
    # What the first searches after a start take is not what searches take.
    _while(ground, photos, lambda: time.sleep(WARM_SECONDS))
    alone = _searches(ground, photos)
    resident = ground.memory()
    page = _searches(ground, photos, limit=PAGE)
    recall, recall_noise = _recall(ground, photos), _recall(ground, noise)
    writing, written = _while(ground, photos, lambda: _write(ground, draw))
    building, _ = _while(ground, photos, lambda: ground.build(BESIDE, kind))
    ground.drop_index(BESIDE)
    ground.drop_index(NAME)
    return Trial(
        kind,
        build,
        loaded,
        restarted,
        recall,
        recall_noise,
        (median(alone), p95(alone)),
        (median(page), p95(page)),
        (median(writing), p95(writing)),
        written / WRITING_SECONDS,
        (median(building), p95(building)),
        resident,
        os.getloadavg()[0],
    )


def _searches(ground: Ground, questions: Questions, *, limit: int = K) -> list[float]:
    return times_ms([_search(ground, questions, at, limit) for at in range(SEARCHES)])


def _while(ground: Ground, questions: Questions, work: Callable[[], T]) -> tuple[list[float], T]:
    """Search one after the other while work is done; return how long each search took, and what the work gave."""
    times: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        while not done.done() or len(times) < MIN_SEARCHES:
            times += times_ms([_search(ground, questions, len(times) % SEARCHES, K)])
    return times, done.result()


def _search(ground: Ground, questions: Questions, at: int, limit: int) -> Callable[[], object]:
    return partial(ground.store.search, NAME, questions.vectors[at : at + 1], limit=limit)


def _write(ground: Ground, draw: Callable[[int, int], Vectors]) -> int:
    """Write rows as a bulk job does, and take them away; return how many there were in the time."""
    begun, count = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < WRITING_SECONDS:
        if count > passed * ROWS_A_SECOND:
            time.sleep(count / ROWS_A_SECOND - passed)
        keys = ground.size + 1 + np.arange(count, count + ROWS_AT_ONCE)
        ground.store.upsert(
            NAME, keys, draw(ROWS_AT_ONCE, WRITTEN_SEED + count), [""] * ROWS_AT_ONCE, [{}] * ROWS_AT_ONCE
        )
        count += ROWS_AT_ONCE
    ground.store.delete(NAME, ground.size + 1 + np.arange(count))
    return count


def _recall(ground: Ground, questions: Questions) -> float:
    found = [ground.store.search(NAME, one[None], limit=K)[0] for one in questions.vectors]
    right = sum(
        len({hit.key for hit in hits}.intersection(map(int, nearest)))
        for hits, nearest in zip(found, questions.nearest, strict=True)
    )
    return right / questions.nearest.size
