"""Memory is lent in the order in which it is asked for, and never more than there is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event, Lock

import numpy as np
import pytest
from PIL import Image

from imagesearch.files.roots import Roots
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from imagesearch_api.errors import Busy
from imagesearch_api.memory import Budget, Memory
from imagesearch_api.pictures import Pictures
from imagesearch_api.thumbnail_cache import ThumbnailCache
from support.drawing import encoded, photo_like
from support.waiting import TIMEOUT, until


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


def hold(budget: Budget, cost: int, begun: Event, end: Event) -> None:
    with budget.reserved(cost):
        begun.set()
        assert end.wait(TIMEOUT)


def test_what_fits_is_lent_at_once_and_the_rest_waits(threads: ThreadPoolExecutor) -> None:
    budget, end, third = Budget(10, 30), Event(), Event()
    firsts = [Event(), Event()]
    held = [threads.submit(hold, budget, 5, begun, end) for begun in firsts]
    assert all(begun.wait(TIMEOUT) for begun in firsts)
    held.append(threads.submit(hold, budget, 1, third, end))
    until(lambda: budget.waiting == 1)
    assert not third.is_set()
    end.set()
    assert third.wait(TIMEOUT)
    for one in held:
        one.result(TIMEOUT)


def test_small_ones_do_not_pass_a_large_one_that_waits(threads: ThreadPoolExecutor) -> None:
    budget, order, lock = Budget(10, 30), [], Lock()
    end = Event()

    def take(name: str, cost: int) -> None:
        with budget.reserved(cost), lock:
            order.append(name)

    with ExitStack() as held:
        held.enter_context(budget.reserved(6))
        works: list[Future[None]] = []
        for index, (name, cost) in enumerate([("large", 9), ("small", 1), ("next", 2)]):
            works.append(threads.submit(take, name, cost))
            until(lambda wanted=index + 1: budget.waiting == wanted)  # type: ignore[misc]
        assert order == []
    for work in works:
        work.result(TIMEOUT)
    end.set()
    assert order[0] == "large"
    assert sorted(order[1:]) == ["next", "small"]


def test_one_that_needs_more_than_there_is_runs_alone() -> None:
    budget = Budget(10, 0)
    with budget.reserved(25), pytest.raises(Busy), budget.reserved(1):
        pytest.fail("something ran beside it")
    with budget.reserved(1), pytest.raises(Busy), budget.reserved(25):
        pytest.fail("it ran beside something")
    with budget.reserved(10):
        pass


def test_whoever_waited_too_long_leaves_the_line_to_others(threads: ThreadPoolExecutor) -> None:
    budget, begun, end = Budget(10, 0.05), Event(), Event()
    holding = threads.submit(hold, budget, 9, begun, end)
    assert begun.wait(TIMEOUT)
    with pytest.raises(Busy), budget.reserved(5):
        pytest.fail("there was no room")
    with budget.reserved(1):
        assert budget.waiting == 0
    end.set()
    holding.result(TIMEOUT)


def test_a_line_that_is_full_turns_away_at_once(threads: ThreadPoolExecutor) -> None:
    budget, begun, end = Budget(10, 30, most_waiting=2), Event(), Event()
    works = [threads.submit(hold, budget, 10, begun, end)]
    assert begun.wait(TIMEOUT)
    works += [threads.submit(hold, budget, 10, Event(), end) for _ in range(2)]
    until(lambda: budget.waiting == 2)
    with pytest.raises(Busy), budget.reserved(1):
        pytest.fail("there was no room in the line")
    end.set()
    for work in works:
        work.result(TIMEOUT)


def test_many_threads_never_hold_more_than_there_is(threads: ThreadPoolExecutor) -> None:
    budget, lock = Budget(100, 30, most_waiting=64), Lock()
    state = {"used": 0, "most": 0}

    def work(cost: int) -> None:
        with budget.reserved(cost):
            with lock:
                state["used"] += cost
                state["most"] = max(state["most"], state["used"])
            with lock:
                state["used"] -= cost

    costs = np.random.default_rng(3).integers(1, 100, 600).tolist()
    for done in [threads.submit(work, cost) for cost in costs]:
        done.result(60)
    assert (state["used"], budget.waiting) == (0, 0)
    assert 0 < state["most"] <= 100


def pictures(decoding: int) -> Pictures:
    """Return what decodes within so many bytes, and does nothing else."""
    memory = Memory(1000, decoding, seconds=0)
    return Pictures(
        memory, PictureSettings(), Roots(), lambda _: pytest.fail("nothing is fetched"), 0, ThumbnailCache(0)
    )


def test_an_ordinary_photo_is_decoded_while_a_large_picture_is() -> None:
    within = pictures(24_000_000)
    photo, poster = encoded(photo_like(1)), encoded(Image.new("RGB", (1500, 1000), "teal"))
    with ExitStack() as held:
        # As much as a poster takes: nothing else of its kind runs beside it.
        within.memory.decoding(held, 16_000_000)
        within.decode(photo, Preprocessing())
        with pytest.raises(Busy):
            within.decode(poster, Preprocessing())
    within.decode(poster, Preprocessing())


def test_memory_comes_back_from_a_picture_that_cannot_be_decoded() -> None:
    within = pictures(6_000_000)
    broken = encoded(photo_like(1), "PNG")[:-3000]
    for _ in range(3):
        with pytest.raises(Exception, match="ends before"):
            within.decode(broken, Preprocessing())
    assert within.memory.small.free == 2_000_000
