"""What a finished batch costs Postgres: two transactions, one read of its job, and as much whatever its job."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import Pool

from imagesearch.catalog import jobs
from imagesearch.contract import ExtractBatch, IndexBatch, JobState, TaskName
from imagesearch.pipeline import Preprocessing
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.dispatch import dispatch
from support.reindexing import finish
from support.waiting import TIMEOUT, until
from support.world import BAD, World

pytestmark = pytest.mark.integration

SMOOTH = Preprocessing(resize="bilinear")
OF_JOBS = re.compile(r"\s*SELECT\b.*?\bFROM jobs\b", re.DOTALL)


@dataclass
class Cost:
    """Count what is asked of Postgres.

    Attributes:
        transactions: how often a connection was taken for a transaction, or for reads alone.
        job_rows: rows that `SELECT ... FROM jobs` returned.
        statements: of all kinds.
    """

    transactions: int = 0
    job_rows: int = 0
    statements: int = field(default=0, compare=False)

    def take(self, *_: object) -> None:
        self.transactions += 1

    def count(self, _: object, cursor: Any, statement: str, *__: object) -> None:
        self.statements += 1
        if OF_JOBS.match(statement):
            self.job_rows += cursor.rowcount


@contextmanager
def measured() -> Iterator[Cost]:
    cost = Cost()
    sa.event.listen(Pool, "checkout", cost.take)
    sa.event.listen(sa.Engine, "after_cursor_execute", cost.count)
    try:
        yield cost
    finally:
        sa.event.remove(Pool, "checkout", cost.take)
        sa.event.remove(sa.Engine, "after_cursor_execute", cost.count)


def answers(world: World) -> list[IndexBatch]:
    """Answer every batch that is on its way."""
    return [world.extract(batch) for batch in world.taken(TaskName.EXTRACT) if isinstance(batch, ExtractBatch)]


def costs_of_each(world: World) -> list[Cost]:
    """Deliver the answers to all batches one after another, also to those that take their place.

    One process does, which has looked what is on its way a moment ago.
    """
    costs = []
    indexer = world.indexer
    dispatch(indexer)
    waiting = answers(world)
    while waiting:
        indexer.dispatching.looked_at = time.monotonic()
        with measured() as cost:
            index_batch(indexer, waiting.pop(0))
        costs.append(cost)
        waiting += answers(world)
    return costs


@pytest.fixture
def world(world: World) -> World:
    """An indexer that sends two batches of four pictures at once, and drops what a reindex replaced."""
    changed = {"batch_size": 4, "window": 2, "plan_slice": 50, "retire_seconds": 0.0}
    return replace(world, settings=world.settings.model_copy(update=changed))


def planned(world: World, files: int = 20) -> str:
    world.write(*(f"{index:03}.jpg" for index in range(files)))
    job_id = world.submit(world.root)
    world.plan(job_id)
    return job_id


def test_what_is_measured_is_seen(world: World) -> None:
    job_id = planned(world)
    with measured() as cost:
        with world.catalog.transaction() as tx:
            jobs.get(tx, job_id)
            jobs.lock(tx, job_id)
        with world.catalog.reading() as tx:
            jobs.get(tx, job_id)
    assert cost == Cost(transactions=2, job_rows=3)


def test_each_batch_of_a_job_reads_the_job_once_and_also_the_one_that_ends_it(world: World) -> None:
    job_id = planned(world)
    *others, last = costs_of_each(world)
    assert others == [Cost(transactions=2, job_rows=1)] * 4
    # The last one ends the job, when the vector store has said that everything can be searched.
    assert last == Cost(transactions=3, job_rows=1)
    assert world.job(job_id).state == JobState.SUCCEEDED
    world.check()


def test_a_batch_after_which_its_process_looks_what_is_on_its_way_costs_as_many(world: World) -> None:
    planned(world)
    first, _ = answers(world)
    with measured() as cost:
        index_batch(world.indexer, first)
    assert cost.transactions == 2
    assert answers(world)


def test_the_next_batch_leaves_while_somebody_else_has_the_row_of_the_job(world: World) -> None:
    job_id = planned(world)
    first, _ = answers(world)
    with ThreadPoolExecutor(1) as pool:
        with world.catalog.transaction() as tx:
            jobs.lock(tx, job_id)
            with measured() as cost:
                done = pool.submit(index_batch, world.indexer, first)
                until(lambda: answers(world))
                until(lambda: cost.transactions == 3)
        done.result(TIMEOUT)
    assert world.job(job_id).done == 4


def test_a_batch_whose_place_another_one_cannot_take_costs_two_more(world: World) -> None:
    planned(world, 12)
    world.work()
    (other, same) = (
        world.submit([world.root / f"{index:03}.png" for index in span]) for span in (range(8), range(4, 8))
    )
    world.write(*(f"{index:03}.png" for index in range(8)))
    world.plan(other)
    first, _ = answers(world)
    world.plan(same)
    with measured() as cost:
        index_batch(world.indexer, first)
    # The other job's pictures are on their way in the second batch. Whoever waits for that looks after the commit
    # whether it has come back in between, and then something else is sent.
    assert cost.transactions == 4


def test_a_batch_costs_the_same_however_many_batches_and_jobs_are_open(world: World) -> None:
    planned(world, 20)
    few = [cost.statements for cost in costs_of_each(world)]
    world.write(*(f"{index:03}.png" for index in range(24)))
    for _ in range(10):
        job_id = world.submit(world.root, collection="other")
        world.plan(job_id)
    many = [cost.statements for cost in costs_of_each(world)]
    assert len(many) > 10 * len(few)
    # Another job's batch takes the place: its job and its collection are read, and now and then a job has no more.
    assert median(many) <= median(few) + 3


def test_a_batch_that_comes_twice_costs_one_transaction(world: World) -> None:
    planned(world, 8)
    first, _ = answers(world)
    index_batch(world.indexer, first)
    with measured() as cost:
        index_batch(world.indexer, first)
    assert cost == Cost(transactions=1, job_rows=0)


def test_each_batch_of_a_cancelled_job_costs_as_much(world: World) -> None:
    job_id = planned(world)
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, job_id)
    *others, _last = costs_of_each(world)
    assert others == [Cost(transactions=2, job_rows=1)]


def test_each_batch_of_a_reindex_reads_the_job_once_and_also_the_one_that_asks_for_its_switch(
    world: World,
) -> None:
    planned(world)
    world.work()
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    world.plan(job_id)
    costs = costs_of_each(world)
    assert costs == [Cost(transactions=2, job_rows=1)] * 5
    assert [type(message).__name__ for _, message in world.outbox] == ["PlanJob"]
    assert finish(world, job_id).state == JobState.SUCCEEDED
    world.check()


def test_what_is_retried_behind_the_switch_costs_as_much_and_one_look_at_the_rows_to_end_the_job(
    world: World,
) -> None:
    planned(world, 8)
    world.work()
    (world.root / "003.jpg").write_bytes(BAD)
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    assert finish(world, job_id).state == JobState.COMPLETED_WITH_FAILURES
    (world.root / "003.jpg").write_bytes(b"mended")
    with world.catalog.transaction() as tx:
        jobs.reopen(tx, job_id)
    world.plan(job_id)
    # Its only batch ends the job, before which rows must have followed the switch.
    assert costs_of_each(world) == [Cost(transactions=4, job_rows=1)]
    assert world.job(job_id).state == JobState.SUCCEEDED
    world.check()
