"""Reconciliation runs once at a time and goes on where it stopped; one failure keeps nothing else from repair."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from imagesearch.catalog import reconciliation
from imagesearch.catalog.tables import reconciliation_parts
from imagesearch.contract import JobState, Reconcile
from imagesearch.errors import StoreUnavailable
from imagesearch.vectors import VectorStore
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.reconcile import everything, run, vectors
from imagesearch_indexer.reconcile.report import Report, TurnLost
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.reconcile.turn import Turn
from support.dying import Before
from support.repairing import extract_batches, kinds, planned
from support.world import World, vector_of

pytestmark = pytest.mark.integration

QUICK = Reconcile(dry_run=False, deep=False)
DEEP = Reconcile(dry_run=False, deep=True)


def set_to(world: World, **values: object) -> World:
    return replace(world, settings=world.settings.model_copy(update=values))


@pytest.fixture
def leased(world: World) -> World:
    """A world in which a lease outlives every test."""
    return set_to(world, reconcile_lease_seconds=3600.0)


class Failing:
    """Pass every call on to a store, but for those that name one collection."""

    def __init__(self, store: VectorStore, name: str, error: Exception) -> None:
        self._store, self._name, self._error = store, name, error

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._store, method)

        def watched(*args: Any, **named: Any) -> Any:
            if self._name in args:
                raise self._error
            return found(*args, **named)

        return watched if callable(found) else found


def test_two_do_not_reconcile_at_once(leased: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PATIENCE_SECONDS", 0.0)
    job_id = leased.submit(leased.root)
    turn = Turn(leased.indexer)
    assert turn.take()
    for message in (QUICK, DEEP):
        assert kinds(reconcile(leased.indexer, message)) == {"reconciliation_runs": 1}
    assert not leased.outbox
    turn.give_back()
    # What was asked for meanwhile has not been forgotten.
    with leased.catalog.reading() as tx:
        assert set(reconciliation.places(tx)) == set(run.EVERYTHING)
    assert kinds(reconcile(leased.indexer, QUICK))["planning_lost"] == 1
    with leased.catalog.reading() as tx:
        assert reconciliation.places(tx) == {}
    assert leased.job(job_id).state == JobState.PLANNING


def test_whoever_stands_still_for_longer_than_its_lease_keeps_nobody_waiting_and_stops(world: World) -> None:
    frozen = Turn(world.indexer)
    assert frozen.take()
    other = Turn(world.indexer)
    assert other.take(), "the lease of a millionth of a second has run out"
    with pytest.raises(TurnLost):
        frozen.renew()
    frozen.give_back()
    other.renew()


def test_a_reconciliation_that_lost_its_turn_repairs_nothing_more(world: World) -> None:
    first, second = (world.submit(world.root, collection=name) for name in ("one", "two"))

    def send(task: Any, message: Any, task_id: Any = None, **named: Any) -> None:
        world._send(task, message, task_id, **named)
        assert Turn(world.indexer).take()

    found = kinds(reconcile(replace(world.indexer, send=send), QUICK))
    assert found["planning_lost"] == 1, f"{second} is left to the other"
    assert [message.job_id for _, message in cast(Any, world.outbox)] == [first]


def test_a_job_that_cannot_be_repaired_keeps_no_other_from_it(world: World) -> None:
    job_ids = [world.submit(world.root, collection=name) for name in ("one", "two", "three")]

    def send(task: Any, message: Any, task_id: Any = None, **named: Any) -> None:
        if message.job_id == job_ids[1]:
            raise ValueError("a bug in this test")
        world._send(task, message, task_id, **named)

    found = reconcile(replace(world.indexer, send=send), QUICK)
    assert kinds(found) == {"planning_lost": 3, "progress_unpublished": 3, "repair_failed": 1}
    assert f"job {job_ids[1]}: ValueError" in found.findings[-1].detail
    assert [message.job_id for _, message in cast(Any, world.outbox)] == [job_ids[0], job_ids[2]]


@pytest.mark.parametrize("error", [StoreUnavailable("milvus", "down in this test"), ValueError("a bug")])
def test_a_collection_that_cannot_be_compared_keeps_no_other_from_it(world: World, error: Exception) -> None:
    world.write("a.jpg")
    for name in ("one", "two"):
        world.run(world.root, name)
    names = [world.collection(name).vector_collection for name in ("one", "two")]
    for name in names:
        world.vectors.delete(name, world.vectors.keys(name))
    broken = replace(world, vectors=cast(VectorStore, Failing(world.vectors, names[0], error)))
    assert kinds(reconcile(broken.indexer, DEEP)) == {"row_without_vector": 1, "repair_failed": 1}
    world.work()
    assert len(world.vectors.keys(names[1])) == 1
    assert kinds(reconcile(world.indexer, DEEP)) == {"row_without_vector": 1}
    world.work()
    assert len(world.vectors.keys(names[0])) == 1


def test_a_comparison_that_was_killed_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "PAGE", 2)
    monkeypatch.setattr(vectors, "PAGES", 1)
    world.write(*(f"{index}.jpg" for index in range(6)))
    world.run(world.root)
    name = world.collection().vector_collection
    world.vectors.upsert(name, [10**15], vector_of(b"stray")[None, :], partitions=[""], metadata=[{}])

    def die() -> None:
        raise KeyboardInterrupt

    everything.begin(world.indexer, run.SLICED)
    with world.catalog.transaction() as tx:
        tx.execute(sa.delete(reconciliation_parts).where(reconciliation_parts.c.part != "vectors"))
    report = Report(dry_run=False, renew=lambda: None)
    # One slice is compared in each run, and the third run dies.
    for _ in range(2):
        everything.go_on(world.indexer, report, run.SLICED, seconds=0.0)
    dying = replace(world, vectors=cast(VectorStore, Before(world.vectors, "keys", die)))
    with pytest.raises(KeyboardInterrupt):
        everything.go_on(dying.indexer, report, run.SLICED, seconds=0.0)
    seen: list[int] = []
    real = world.vectors.keys
    monkeypatch.setattr(
        world.vectors, "keys", lambda at, *, after, limit: seen.append(after) or real(at, after=after, limit=limit)
    )
    everything.go_on(world.indexer, report, run.SLICED, seconds=60.0)
    monkeypatch.undo()
    assert seen[0] == world.vectors.keys(name)[3], "what was compared before is not compared again"
    assert kinds(cast(Any, type("F", (), {"findings": report.findings()})))["vector_without_row"] == 1
    world.check()


def test_a_collection_that_is_filled_again_is_compared_no_faster_than_it_is_filled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "PAGE", 2)
    monkeypatch.setattr(vectors, "MAX_REPAIR_JOBS", 2)
    world.write(*(f"{index}.jpg" for index in range(12)))
    world.run(world.root, "lost")
    world.run(world.root, "whole")
    lost = world.collection("lost").vector_collection
    world.vectors.drop_collection(lost)
    whole = world.collection("whole").vector_collection
    world.vectors.upsert(whole, [10**15], vector_of(b"stray")[None, :], partitions=[""], metadata=[{}])
    found = kinds(reconcile(world.indexer, DEEP))
    assert found == {"row_without_vector": 4, "vector_without_row": 1}
    for _ in range(4):
        world.work()
        reconcile(world.indexer, QUICK)
    assert len(world.vectors.keys(lost)) == 12
    assert kinds(reconcile(world.indexer, DEEP)) == {}
    world.check(collection="lost")


def test_open_jobs_for_which_there_was_no_time_come_first_in_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagesearch_indexer.reconcile import open_jobs

    monkeypatch.setattr(open_jobs, "SLICE", 2)
    job_ids = [world.submit(world.root, collection=str(number)) for number in range(5)]
    hasty = set_to(world, reconcile_seconds=1e-9)
    asked: list[str] = []
    for _ in range(3):
        reconcile(hasty.indexer, QUICK)
        asked += [message.job_id for _, message in cast(Any, world.outbox)]
        world.outbox.clear()
    assert asked == job_ids


def test_counters_of_a_job_larger_than_a_slice_are_counted_while_it_stands_still(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagesearch_indexer.reconcile import recounts
    from support.damage import damage_job

    monkeypatch.setattr(recounts, "SLICE", 3)
    job_id = planned(world, 8)
    # Some have their outcomes.
    index_batch(world.indexer, world.extract(extract_batches(world)[0]))
    damage_job(world.catalog, job_id, total=7, indexed=5)
    report = Report(dry_run=False, renew=lambda: None)
    step = recounts.recount_jobs(world.indexer, report, None)
    damage_job(world.catalog, job_id, error=None)
    while step.place is not None:
        step = recounts.recount_jobs(world.indexer, report, step.place)
    assert report.findings() == (), "it has moved meanwhile"
    assert kinds(reconcile(world.indexer, DEEP))["counters_wrong"] == 1
    world.check_ledger(job_id)
