"""Each kind of fault once, in the middle of a job: the part of the fault tests that every test run includes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from imagesearch.catalog import collections, images
from support.faults.harm import WORKERS, kill_everything, kill_store, killers, restart_in_order
from support.faults.living import STORES, Living, StartStack
from support.faults.rounds import Rounds, seeded
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import attempts, judge

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stack(start_stack: StartStack) -> Living:
    return start_stack(EMBED_SECONDS="0.05")


@pytest.fixture(scope="module")
def rounds(stack: Living, scoreboard: Scoreboard, album: list[Path]) -> Rounds:
    return Rounds(stack, scoreboard, album, seeded())


def test_a_rolling_restart_of_every_process_sends_nothing_twice(stack: Living, rounds: Rounds) -> None:
    job_id = rounds.run("rolling SIGTERM", *(partial(restart_in_order, stack, name) for name in WORKERS))
    assert set(attempts(stack, job_id)) == {1}
    said = stack.log("indexer")
    assert "job.ended" in said
    assert "batch.already_done" not in said


def test_every_service_killed_in_one_job(stack: Living, rounds: Rounds) -> None:
    rounds.run("SIGKILL of services", *killers(stack), rounds=4)


def test_every_store_killed_in_one_job(stack: Living, rounds: Rounds) -> None:
    rounds.run("SIGKILL of stores", *(partial(kill_store, stack, name) for name in STORES), rounds=3)


def test_redis_forgets_everything(stack: Living, rounds: Rounds) -> None:
    rounds.run("FLUSHALL", stack.flush_redis)


def test_everything_killed_at_once_goes_on_by_itself(stack: Living, rounds: Rounds) -> None:
    rounds.run("everything killed at once", partial(kill_everything, stack))


def test_the_judge_sees_a_wrong_vector_and_wrong_labels(stack: Living, rounds: Rounds, album: list[Path]) -> None:
    name = stack.job(rounds.run("a job before something is made wrong"))["collection"]
    with stack.catalog.transaction() as tx:
        found = collections.get(tx, name)
        first, second, *_ = images.keys_behind(tx, found.id, after=0, up_to=None, limit=2)
    vectors = stack.vectors.fetch_vectors(found.vector_collection, [first, second])
    stack.vectors.upsert(found.vector_collection, [first], vectors[second][None], [""], [{}])
    stack.vectors.upsert(found.vector_collection, [second], vectors[second][None], ["wrong"], [{}])
    verdict = judge(stack, name, [], album)
    assert (verdict.wrong_vectors, verdict.duplicated, verdict.wrong_counters) == (2, 0, 0)
