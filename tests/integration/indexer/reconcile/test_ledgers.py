"""The ledger of a job is folded away some time after its end, slice by slice; failures and counters stay."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import sqlalchemy as sa

from imagesearch.catalog import jobs
from imagesearch.catalog.tables import job_batches, job_items
from imagesearch.catalog.tables import jobs as job_table
from imagesearch.contract import JobState, Reconcile
from imagesearch_indexer.reconcile import everything, ledgers, run
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.run import reconcile
from support.repairing import kinds, repaired
from support.world import BAD, World

pytestmark = pytest.mark.integration

DEEP = Reconcile(dry_run=False, deep=True)


@pytest.fixture
def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which a ledger is folded at once, a few paths at a time."""
    monkeypatch.setattr(ledgers, "PATHS", 3)
    monkeypatch.setattr(ledgers, "BATCHES", 1)
    return replace(world, settings=world.settings.model_copy(update={"ledger_days": 1e-9}))


def filled(world: World) -> str:
    """Return a job that has ended: eight pictures were indexed, and two failed."""
    world.write(*(f"{index}.jpg" for index in range(8)))
    world.write("bad.jpg", "worse.jpg", content=BAD)
    return world.run(world.root).id


def left(world: World, job_id: str) -> tuple[Counter[str], int]:
    """Return the outcomes that the ledger still holds, and how many batches there are."""
    with world.catalog.transaction() as tx:
        items = sa.select(job_items.c.outcome).where(job_items.c.job_id == job_id)
        count = sa.select(sa.func.count()).where(job_batches.c.job_id == job_id)
        return Counter(map(str, tx.execute(items).scalars())), tx.execute(count).scalar_one()


def test_what_says_nothing_is_folded_away_and_failures_stay(world: World) -> None:
    job_id = filled(world)
    before = world.job(job_id)
    assert repaired(world, deep=True) == {"ledgers_to_fold": 1}
    assert left(world, job_id) == (Counter({"failed": 2}), 0)
    after = world.job(job_id)
    assert (after.total, after.outcomes, after.folded) == (10, before.outcomes, {"indexed": 8})
    world.check()
    assert repaired(world, deep=True) == {}


def test_a_folding_that_was_killed_goes_on_and_counts_nothing_twice(world: World) -> None:
    job_id = filled(world)
    everything.begin(world.indexer, run.SLICED)
    report, seen = Report(dry_run=False, renew=lambda: None), []
    while not seen or seen[-1] != (Counter({"failed": 2}), 0):
        # One slice of everything at a time.
        everything.go_on(world.indexer, report, run.SLICED, seconds=0.0)
        seen.append(left(world, job_id))
        world.check_ledger(job_id)
    assert {outcomes["indexed"] for outcomes, _ in seen} > {8, 0}
    assert len({batches for _, batches in seen}) > 2


def test_what_is_tried_again_is_counted_right_and_folded_again(world: World) -> None:
    job_id = filled(world)
    reconcile(world.indexer, DEEP)
    world.write("bad.jpg")
    with world.catalog.transaction() as tx:
        jobs.reopen(tx, job_id)
    assert kinds(reconcile(world.indexer, DEEP)).keys() <= {"planning_lost", "progress_unpublished"}
    world.outbox.clear()
    world.plan(job_id)
    world.work()
    job = world.job(job_id)
    assert (job.state, job.indexed, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 9, 1)
    world.check()
    assert repaired(world, deep=True) == {"ledgers_to_fold": 1}
    assert world.job(job_id).folded == {"indexed": 9}
    world.check()


def test_a_job_that_ended_a_moment_ago_keeps_its_ledger(world: World) -> None:
    patient = replace(world, settings=world.settings.model_copy(update={"ledger_days": 1.0}))
    job_id = filled(patient)
    assert repaired(patient, deep=True) == {}
    assert left(patient, job_id)[0]["indexed"] == 8
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(job_table).values(finished_at=sa.text("now() - interval '25 hours'")))
    assert repaired(patient, deep=True) == {"ledgers_to_fold": 1}
