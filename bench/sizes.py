"""Say how much is measured: all of it, or as much as three minutes allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sizes:
    """Hold how many of everything are measured.

    Attributes:
        pictures: of each job whose rate is measured.
        jobs: rounds of such a job.
        published: pictures of the published way in each round.
        passes: rounds of forward passes of each engine.
        rows: of the collection that is searched.
        searches: rounds of ten searches of each way.
        alone: searches with nothing beside them, before each job.
        beside: pictures of each job that searches are measured beside.
        beside_jobs: rounds of such a job.
        callers: at once, that the rate of searches is measured with.
        caller_seconds: how long each number of callers searches.
        caller_rounds: how often.
        planned: files of a folder that is planned.
        plans: rounds of planning.
        batches: that are indexed in each round.
        index_rounds: rounds of indexing.
        paths: of the large job.
        polls: rounds of twenty polls.
        crops: whose vectors recall is measured over.
        indexed: vectors of the index whose recall is measured.
    """

    pictures: int
    jobs: int
    published: int
    passes: int
    rows: int
    searches: int
    alone: int
    beside: int
    beside_jobs: int
    callers: tuple[int, ...]
    caller_seconds: float
    caller_rounds: int
    planned: int
    plans: int
    batches: int
    index_rounds: int
    paths: int
    polls: int
    crops: int
    indexed: int


WHOLE: Final = Sizes(
    pictures=400,
    jobs=2,
    published=16,
    passes=5,
    rows=20_000,
    searches=12,
    alone=60,
    beside=200,
    beside_jobs=3,
    callers=(1, 2, 4, 8, 16, 32, 64),
    caller_seconds=5.0,
    caller_rounds=1,
    planned=30_000,
    plans=3,
    batches=64,
    index_rounds=4,
    paths=1_000_000,
    polls=20,
    crops=900,
    indexed=30_000,
)
QUICK: Final = Sizes(
    pictures=96,
    jobs=1,
    published=6,
    passes=1,
    rows=5_000,
    searches=4,
    alone=30,
    beside=64,
    beside_jobs=1,
    callers=(1, 4, 16, 64),
    caller_seconds=3.0,
    caller_rounds=1,
    planned=10_000,
    plans=2,
    batches=24,
    index_rounds=2,
    paths=50_000,
    polls=5,
    crops=120,
    indexed=5_000,
)
