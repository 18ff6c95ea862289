"""What grows with a job or a collection is done in slices, and whoever is killed between them is followed."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, duplicates, jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger, transitions
from imagesearch.catalog.tables import images
from imagesearch.contract import CancelJob, JobState, PlanJob, Reconcile, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch_indexer.ingest import prune
from imagesearch_indexer.lifecycle import deletion, finish
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.tasks import plan_job
from support.repairing import planned
from support.world import BAD, World

pytestmark = pytest.mark.integration


class Dying:
    """Pass calls on, but for one of them."""

    def __init__(self, call: object, at: int) -> None:
        self._call, self._left = call, at

    def __call__(self, *args: object, **named: object) -> object:
        self._left -= 1
        if not self._left:
            raise StoreUnavailable("postgres", "killed in this test")
        return self._call(*args, **named)  # type: ignore[operator]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each slice take two or three rows, and each time slice one of them."""
    for module in (finish, prune):
        monkeypatch.setattr(module, "SECONDS", 0.0)
    monkeypatch.setattr(finish, "PATHS", 3)
    monkeypatch.setattr(finish, "BATCHES", 1)
    monkeypatch.setattr(prune, "SLICE", 2)
    monkeypatch.setattr(deletion, "SLICE", 2)
    monkeypatch.setattr(transitions, "REOPEN_SLICE", 2)


def cancelled(world: World) -> str:
    """Return a job with open batches and paths that are in none, which somebody has cancelled."""
    job_id = planned(world, 8)
    more = [world.root / f"more/{index}.jpg" for index in range(7)]
    with world.catalog.transaction() as tx:
        submitted, outcomes = ledger.record(tx, job_id, [ledger.Item(str(path)) for path in more])
        counters.count(tx, job_id, outcomes, submitted=submitted)
        jobs.cancel(tx, job_id)
    world.outbox.clear()
    return job_id


def close(world: World, job_id: str) -> None:
    while world.job(job_id).finished_at is None:
        finish.close_cancelled(world.indexer, job_id)


@pytest.mark.parametrize("step", ["cancel_unplanned", "cancel_batches"])
@pytest.mark.usefixtures("small")
def test_a_job_is_closed_slice_by_slice_and_shows_how_far_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    job_id = cancelled(world)
    shown: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(ledger, step, Dying(getattr(ledger, step), 2))
        with pytest.raises(StoreUnavailable):
            close(world, job_id)
    left = world.job(job_id)
    assert 0 < left.cancelled < 15, "what was committed before the death stays"
    world.outbox.clear()
    finish.close_cancelled(world.indexer, job_id)
    while world.job(job_id).finished_at is None:
        assert world.taken(TaskName.CANCEL) == [CancelJob(job_id)]
        published = world.progress.read(job_id)
        assert published is not None
        shown.append(published.cancelled)
        finish.close_cancelled(world.indexer, job_id)
    assert (world.job(job_id).state, world.job(job_id).cancelled) == (JobState.CANCELLED, 15)
    assert shown == sorted(set(shown))
    world.check_ledger(job_id)


@pytest.mark.usefixtures("small")
def test_a_closing_whose_message_is_lost_goes_on_by_itself(world: World) -> None:
    job_id = cancelled(world)
    for _ in range(9):
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert world.job(job_id).finished_at is not None
    world.check_ledger(job_id)


def failed(world: World) -> str:
    """Return a job that has ended, and of which seven files have been mended since."""
    names = [f"{index}.jpg" for index in range(7)]
    world.write(*names, content=BAD)
    world.write("good.jpg")
    job = world.run(world.root)
    assert (job.state, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 7)
    world.write(*names)
    with world.catalog.transaction() as tx:
        assert jobs.reopen(tx, job.id).failed == 5, "the first slice is part of the request"
    return job.id


@pytest.mark.usefixtures("small")
def test_a_retry_that_is_killed_tries_each_failed_path_again_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = failed(world)
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "reopen_failed", Dying(ledger.reopen_failed, 2))
        with pytest.raises(StoreUnavailable):
            plan_job(world.indexer, PlanJob(job_id))
    assert (world.job(job_id).state, world.job(job_id).failed) == (JobState.PLANNING, 3)
    world.plan(job_id)
    world.work()
    job = world.job(job_id)
    assert (job.state, job.indexed, job.failed, job.reopened_up_to) == (JobState.SUCCEEDED, 8, 0, None)
    world.check()


@pytest.mark.usefixtures("small")
def test_no_planner_ends_a_job_of_which_failed_paths_are_still_to_be_tried_again(world: World) -> None:
    job_id = failed(world)
    with world.catalog.transaction() as tx:
        assert jobs.planned(tx, job_id).planned_at is None
        jobs.pause(tx, job_id)
        assert jobs.reopen_more(tx, job_id).failed == 5, "nothing moves while a job is paused"
        jobs.resume(tx, job_id)
        jobs.cancel(tx, job_id)
        assert jobs.reopen_more(tx, job_id).failed == 5
    close(world, job_id)
    assert (world.job(job_id).failed, world.job(job_id).cancelled) == (5, 2)
    world.check_ledger(job_id)


NAMES = ("a b.jpg", "a-b.jpg", "a.jpg", "A.jpg", "aa.jpg", "z.jpg", "ä.jpg", "é/b.jpg", "_.jpg", "0.jpg", "日.jpg")
"""Collations disagree on the order of these."""
NEIGHBOURS = ("lib rary/a.jpg", "lib-rary/a.jpg", "lib/a.jpg", "library 2/a.jpg", "library.jpg", "library0")


@pytest.mark.usefixtures("small")
def test_a_directory_is_pruned_slice_by_slice_and_nothing_beside_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(*(f"library/{name}" for name in NAMES))
    world.write(*NEIGHBOURS)
    world.run(world.root)
    for path in [*(world.root / "library").rglob("*.jpg"), *(world.root / "library 2").iterdir()]:
        path.unlink()
    world.write("library/kept.jpg")
    job_id = world.submit(world.root / "library", prune=True)
    world.plan(job_id)
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "pruned", Dying(jobs.pruned, 3))
        with pytest.raises(StoreUnavailable):
            world.work()
    seen = world.job(job_id)
    assert (seen.removed, seen.finished_at) == (4, None), "two slices, and what the third deleted is taken back"
    world.outbox = [(TaskName.PLAN, PlanJob(job_id))]
    looked_at = looked_at_paths(monkeypatch)
    world.work()
    job = world.job(job_id)
    assert (job.state, job.removed) == (JobState.SUCCEEDED, len(NAMES))
    assert len(looked_at) == len(NAMES) - 4, "what was looked at before the death is not looked at again"
    with world.catalog.transaction() as tx:
        left = {Path(path).relative_to(world.root) for path in tx.execute(sa.select(images.c.path)).scalars()}
    assert left == set(map(Path, (*NEIGHBOURS, "library/kept.jpg")))
    world.check()


def looked_at_paths(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found: list[Path] = []
    real = prune._is_gone
    monkeypatch.setattr(prune, "_is_gone", lambda path: found.append(Path(path)) or real(path))
    return found


@pytest.mark.usefixtures("small")
def test_a_large_collection_is_deleted_in_several_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "SECONDS", 0.0)
    world.write(*(f"{index}.jpg" for index in range(7)))
    world.run(world.root)
    found = world.collection()
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, found)
    assert deletion.finish_deletes(world.indexer, found.id) == 2
    for _ in range(4):
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert world.states() == {}
    with world.catalog.transaction() as tx:
        assert collections.deleting(tx) == []


def test_groups_are_forgotten_slice_by_slice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "FORGET_ROWS", 2)
    job_id = world.submit(world.root)

    def forget(tx: Transaction) -> bool:
        return duplicates.forget_groups(tx, job_id)

    with world.catalog.transaction() as tx:
        duplicates.put(tx, job_id, {1: 1, 2: 1, 3: 1}, {1: 0.1})
        assert [forget(tx), forget(tx), forget(tx)] == [False, True, True]
