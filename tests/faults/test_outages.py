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
from living import STORES, Living, StartStack
from rounds import Rounds, seeded
from scoreboard import Scoreboard

from imagesearch_local.control import Control

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1_200)]

GONE_SECONDS = float(os.environ.get("GONE_SECONDS", "120"))
PATIENCE = 8.0
"""Longer than every timeout of the API put together; a request that hangs fails here."""


@pytest.fixture(scope="module")
def rounds(start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]) -> Rounds:
    return Rounds(start_stack(EMBED_SECONDS="0.05"), scoreboard, album, seeded())


@pytest.mark.parametrize("name", STORES)
def test_a_store_that_is_stopped_and_comes_back(rounds: Rounds, name: str) -> None:
    stack, control = rounds.stack, Control(rounds.stack.layout)
    gone = partial(_gone, stack, name, partial(control.stop, name), partial(control.start, name))
    rounds.run(f"{name} gone for {GONE_SECONDS:.0f} s", gone)
    _consumes_and_answers(rounds)


@pytest.mark.parametrize("name", STORES)
def test_a_store_that_hangs_and_wakes_up(rounds: Rounds, name: str) -> None:
    stack = rounds.stack
    hang, wake = (partial(stack.send, name, number) for number in (signal.SIGSTOP, signal.SIGCONT))
    rounds.run(f"{name} hangs for 20 s", partial(_pause, hang, wake))
    _consumes_and_answers(rounds)


def _gone(stack: Living, name: str, stop: Callable[[], object], start: Callable[[], object]) -> None:
    stop()
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        for ask in _questions(stack, name):
            answer = ask()
            assert answer.status_code == 503, f"{name}: {answer.status_code} {answer.text}"
            assert int(answer.headers["Retry-After"]) > 0
        assert stack.http.get("/healthz", timeout=PATIENCE).status_code == 200
        assert stack.http.get("/api/v1/process", timeout=PATIENCE).status_code == 200
        time.sleep(1)  # a store that is gone gives no event to wait for
    start()


def _pause(hang: Callable[[], object], wake: Callable[[], object]) -> None:
    hang()
    time.sleep(20)  # long enough for every timeout to run out
    wake()


def _questions(stack: Living, name: str) -> Sequence[Callable[[], httpx.Response]]:
    """Return requests that cannot be answered without the store."""
    http = stack.http
    submit = partial(http.post, "/api/v2/jobs", json={"source": stack.settings["IMAGE_ROOTS"]}, timeout=PATIENCE)
    count = partial(http.post, "/api/v1/count", timeout=PATIENCE)
    ready = partial(http.get, "/readyz", timeout=PATIENCE)
    return {"valkey": [submit, ready], "postgres": [submit, count, ready], "milvus": [ready]}[name]


def _consumes_and_answers(rounds: Rounds) -> None:
    """Prove that every process works again: a whole job, and a search by each of many threads."""
    rounds.run("a job after the outages")
