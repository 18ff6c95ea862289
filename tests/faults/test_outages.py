"""Stores that are gone for a while: the API says so at once, and everything goes on when they are back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import httpx
import pytest

from imagesearch_local.control import Control
from support.faults.living import STORES, Living, StartStack
from support.faults.rounds import Rounds, seeded
from support.faults.scoreboard import Scoreboard

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

GONE_SECONDS = float(os.environ.get("GONE_SECONDS", "120"))
Questions = Sequence[tuple[Callable[[], httpx.Response], int]]
TIMEOUT = 60.0
"""Longer than every timeout of the API put together, also on a busy machine; a request that hangs fails here."""


@pytest.fixture(scope="module")
def rounds(start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]) -> Rounds:
    return Rounds(start_stack(EMBED_SECONDS="0.05"), scoreboard, album, seeded())


@pytest.mark.parametrize("name", STORES)
def test_a_store_that_is_stopped_and_comes_back(rounds: Rounds, name: str) -> None:
    stack, control = rounds.stack, Control(rounds.stack.layout)
    indexed = stack.job(rounds.run("a job before and after the outages"))["collection"]
    stop, start = (partial(act, name) for act in (control.stop, control.start))
    gone = partial(_gone, _questions(stack, name, indexed, rounds.album[0]), stop, start)
    rounds.run(f"{name} gone for {GONE_SECONDS:.0f} s", gone)
    rounds.run("a job before and after the outages")


@pytest.mark.parametrize("name", STORES)
def test_a_store_that_hangs_and_wakes_up(rounds: Rounds, name: str) -> None:
    stack = rounds.stack
    hang, wake = (partial(stack.send, name, number) for number in (signal.SIGSTOP, signal.SIGCONT))
    rounds.run(f"{name} hangs for 20 s", partial(_pause, hang, wake))
    rounds.run("a job before and after the outages")


def _gone(questions: Questions, stop: Callable[[], object], start: Callable[[], object]) -> None:
    stop()
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        for ask, expected in questions:
            answer = ask()
            assert answer.status_code == expected, f"{answer.url}: {answer.status_code} {answer.text}"
            assert expected == 200 or int(answer.headers["Retry-After"]) > 0
        time.sleep(1)  # a store that is gone gives no event to wait for
    start()


def _pause(hang: Callable[[], object], wake: Callable[[], object]) -> None:
    hang()
    time.sleep(20)  # long enough for every timeout to run out
    wake()


def _questions(stack: Living, name: str, collection: str, picture: Path) -> Questions:
    """Return requests, and the status that each must get at once while the store is gone."""
    http = stack.http
    get, post = partial(http.get, timeout=TIMEOUT), partial(http.post, timeout=TIMEOUT)
    search = partial(post, f"/api/v2/collections/{collection}/search", files={"image": picture.read_bytes()})
    submit = partial(post, "/api/v2/jobs", json={"source": str(picture.parent)})
    count = partial(post, "/api/v1/count")
    # A job needs no vectors to be taken, and the number of pictures stands in Postgres.
    also = {"valkey": [submit], "postgres": [submit, count], "milvus": []}[name]
    answered = [partial(get, "/healthz"), partial(get, "/api/v1/process")]
    refused = [partial(get, "/readyz"), search, *also]
    return [*((ask, 200) for ask in answered), *((ask, 503) for ask in refused)]
