"""How long one planning message works, and when it asks for another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from imagesearch.contract import PlanJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.files.roots import Roots
from imagesearch.wire import Message
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.time_slice import work
from imagesearch_indexer.settings import IndexerSettings

JOB = "00000000-0000-0000-0000-000000000001"
NO_STORE: Any = None


class Steps:
    """Count the steps taken; more may follow until so many are taken."""

    def __init__(self, count: int) -> None:
        self.taken = 0
        self._count = count

    def __call__(self) -> bool:
        self.taken += 1
        return self.taken < self._count


@pytest.fixture
def sent() -> list[tuple[TaskName, Message]]:
    return []


@pytest.fixture
def indexer(sent: list[tuple[TaskName, Message]]) -> Indexer:
    return Indexer(
        catalog=NO_STORE,
        vectors=NO_STORE,
        progress=NO_STORE,
        in_flight=NO_STORE,
        send=lambda task, message, _=None: sent.append((task, message)),
        roots=Roots((Path("/library"),)),
        settings=IndexerSettings(plan_seconds=3600.0),
        kinds={},
    )


def test_work_that_ends_in_time_asks_for_no_more(indexer: Indexer, sent: list[object]) -> None:
    steps = Steps(3)
    work(indexer, JOB, steps)
    assert (steps.taken, sent) == (3, [])


def test_a_time_slice_lasts_ten_times_as_long_as_its_beginning(indexer: Indexer, sent: list[object]) -> None:
    hasty = replace(indexer, settings=IndexerSettings(plan_seconds=1e-9))
    steps = Steps(3)
    work(hasty, JOB, steps, begun_in=lambda: 3600.0)
    assert (steps.taken, sent) == (3, [])


def test_work_whose_time_is_up_has_taken_a_step_and_asks_for_the_next_slice(
    indexer: Indexer, sent: list[object]
) -> None:
    steps = Steps(3)
    work(replace(indexer, settings=indexer.settings.model_copy(update={"plan_seconds": 0.0})), JOB, steps)
    assert (steps.taken, sent) == (1, [(TaskName.PLAN, PlanJob(JOB))])


def test_a_process_that_stops_leaves_the_rest_to_another(indexer: Indexer, sent: list[object]) -> None:
    steps = Steps(3)
    indexer.stopping.set()
    work(indexer, JOB, steps)
    assert (steps.taken, sent) == (1, [(TaskName.PLAN, PlanJob(JOB))])


def test_a_slice_that_cannot_ask_for_the_next_one_is_repeated_by_its_caller(indexer: Indexer) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("redis", "down in this test")

    indexer.stopping.set()
    with pytest.raises(StoreUnavailable):
        work(replace(indexer, send=cast(Any, refuse)), JOB, Steps(2))
