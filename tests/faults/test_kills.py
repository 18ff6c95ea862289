"""Processes and stores killed at random moments, round after round; the real extractor among them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from support.faults.harm import (
    WORKERS,
    forget_file,
    kill_everything,
    kill_store,
    restart_in_order,
    reverse_answers,
)
from support.faults.living import SERVICES, STORES, StartStack
from support.faults.rounds import Rounds, seeded
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import attempts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

ROUNDS = 4
"""Of each service: with those of the real extractor twenty in all."""


@pytest.fixture(scope="module")
def rounds(start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]) -> Rounds:
    return Rounds(start_stack(EMBED_SECONDS="0.05"), scoreboard, album, seeded())


@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_service_costs_time_and_nothing_else(rounds: Rounds, name: str) -> None:
    for _ in range(ROUNDS):
        rounds.run(f"SIGKILL {name}", partial(rounds.stack.kill, name))


@pytest.mark.parametrize("name", STORES)
def test_a_killed_store_costs_time_and_nothing_else(rounds: Rounds, name: str) -> None:
    for _ in range(2):
        rounds.run(f"SIGKILL {name}", partial(kill_store, rounds.stack, name))


def test_redis_is_disposable(rounds: Rounds) -> None:
    for _ in range(2):
        rounds.run("FLUSHALL", rounds.stack.flush_redis)
    rounds.run("Valkey without its file", partial(forget_file, rounds.stack))


def test_rolling_restarts_send_nothing_twice(rounds: Rounds) -> None:
    for _ in range(3):
        restarts = [partial(restart_in_order, rounds.stack, name) for name in WORKERS]
        job_id = rounds.run("rolling SIGTERM", *restarts)
        assert set(attempts(rounds.stack, job_id)) == {1}


def test_answers_in_the_wrong_order_are_put_in_the_right_places(rounds: Rounds) -> None:
    for _ in range(2):
        # Later there may be no more than a busy indexer has in its hands.
        rounds.run("index messages reversed", partial(reverse_answers, rounds.stack, 2), latest=0.4)


def test_everything_killed_at_once_goes_on_by_itself(rounds: Rounds) -> None:
    for _ in range(2):
        rounds.run("everything killed at once", partial(kill_everything, rounds.stack))


def test_the_real_extractor_survives_the_same(
    start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]
) -> None:
    stack = start_stack(real=True)
    real = Rounds(stack, scoreboard, album, seeded())
    for name in SERVICES:
        real.run(f"SIGKILL {name}", partial(stack.kill, name))
    for name in STORES:
        real.run(f"SIGKILL {name}", partial(kill_store, stack, name))
    real.run("FLUSHALL", stack.flush_redis)
    job_id = real.run("rolling SIGTERM", *(partial(restart_in_order, stack, name) for name in WORKERS))
    assert set(attempts(stack, job_id)) == {1}
    real.run("everything killed at once", partial(kill_everything, stack))
