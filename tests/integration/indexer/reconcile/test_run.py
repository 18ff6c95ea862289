"""What a crash leaves behind is found and repaired from Postgres; what is only slow is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import redis
import sqlalchemy as sa
from celery import Celery

from imagesearch.catalog import audit, collections, jobs, keyed_requests
from imagesearch.catalog.audit import Action
from imagesearch.catalog.jobs import IdempotencyKey, leases
from imagesearch.catalog.tables import tombstones
from imagesearch.contract import JobState, PlanJob, Queue, Reconcile, TaskName
from imagesearch.messaging.broker import send
from imagesearch.messaging.progress import CeleryProgressBoard, InMemoryProgressBoard
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.reconcile import expired
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.tasks import plan_job
from imagesearch_indexer.worker import sender
from support.clocks import shifted
from support.damage import damage_job
from support.repairing import extract_batches, kinds, planned, repaired
from support.world import World

pytestmark = pytest.mark.integration


def test_a_lost_planning_message_is_sent_again(world: World) -> None:
    world.write("a.jpg")
    job_id = world.submit(world.root)
    assert repaired(world) == {"planning_lost": 1, "progress_unpublished": 1}
    world.work()
    assert world.job(job_id).state == JobState.SUCCEEDED
    world.check()


def test_planning_that_waits_in_its_queue_is_not_asked_for_again(world: World, app: Celery) -> None:
    job_id = world.submit(world.root)
    world.progress.publish(world.job(job_id).progress())
    send(app, TaskName.PLAN, PlanJob(job_id))
    assert repaired(world) == {}


def test_a_lost_cancel_is_carried_out(world: World) -> None:
    job_id = planned(world, 20)
    extract_batches(world)
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, job_id)
    found = repaired(world)
    assert found["cancel_unfinished"] == 1
    job = world.job(job_id)
    assert (job.state, job.cancelled, job.total) == (JobState.CANCELLED, 20, 20)
    assert job.finished_at is not None
    world.check()


def test_an_end_that_was_cut_off_is_made_up_for(world: World) -> None:
    world.write("a.jpg")
    job = world.run(world.root)
    damage_job(world.catalog, job.id, state="running", finished_at=None)
    assert repaired(world)["end_unfinished"] == 1
    assert world.job(job.id).state == JobState.SUCCEEDED
    assert repaired(world) == {}


def test_vectors_of_deleted_images_are_collected_after_a_while(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    name = world.collection().vector_collection
    before = world.vectors.keys(name)
    [kept] = world.keys("b.jpg")
    world.delete("a.jpg")
    assert repaired(world) == {}
    assert world.vectors.keys(name) == before, "searches that began before may still find it"
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(tombstones).values(since=tombstones.c.since - world.settings.vector_grace))
    assert repaired(world, deep=True) == {}
    assert world.vectors.keys(name) == [kept]
    with world.catalog.transaction() as tx:
        assert tx.execute(sa.select(tombstones)).all() == []
    world.check()


def test_a_collection_whose_deletion_was_cut_off_is_removed_with_its_jobs(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    collection = world.collection()
    waiting = world.submit(world.root, partition="other")
    world.plan(waiting)
    answers = [world.extract(batch) for batch in extract_batches(world)]
    late = world.submit(world.root)
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, collection)
    found = repaired(world)
    assert (found["delete_unfinished"], found["collection_gone"]) == (1, 2)
    assert not world.vectors.has_collection(collection.vector_collection)
    assert world.states() == {}
    for answer in answers:
        index_batch(world.indexer, answer)
    plan_job(world.indexer, PlanJob(late))
    for job_id in (waiting, late):
        job = world.job(job_id)
        assert (job.state, job.done) == (JobState.CANCELLED, job.total)
        assert job.finished_at is not None
        world.check_ledger(job_id)
    assert repaired(world) == {}
    assert world.run(world.root).indexed == 2
    world.check()


def test_wrong_counters_of_an_open_job_are_put_right(world: World) -> None:
    job_id = planned(world, 4)
    damage_job(world.catalog, job_id, total=7, indexed=5)
    found = repaired(world, deep=True)
    assert found["counters_wrong"] == 1
    world.check_ledger(job_id)
    world.work()
    assert world.job(job_id).outcomes == {"indexed": 4}
    world.check()


def test_a_job_that_stands_still_is_flagged_until_it_moves(world: World) -> None:
    job_id = planned(world, 4)
    patient = world.indexer
    stalling = replace(patient, settings=world.settings.model_copy(update={"stall_seconds": 0.001}))
    assert kinds(reconcile(patient, Reconcile(dry_run=False, deep=False))) == {"batch_lost": 1}
    assert kinds(reconcile(stalling, Reconcile(dry_run=False, deep=False)))["stalled"] == 1
    assert world.job(job_id).stalled_at is not None
    shown = world.progress.read(job_id)
    assert shown is not None
    assert shown.stalled
    world.work()
    assert world.job(job_id).stalled_at is None


@pytest.mark.parametrize("hours", [-1, 1])
def test_what_is_lost_or_stands_still_is_told_by_the_clock_of_postgres(
    world: World, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, new = world.submit(world.root), world.submit(world.root, collection="other")
    damage_job(world.catalog, lost, progressed_at=sa.func.now() - timedelta(minutes=30))
    changed = {"lease_seconds": 600.0, "stall_seconds": 1200.0}
    indexer = replace(world.indexer, settings=world.settings.model_copy(update=changed))
    with shifted(monkeypatch, hours):
        found = reconcile(indexer, Reconcile(dry_run=True, deep=False)).findings
    named = {finding.kind: finding.detail for finding in found}
    for kind in ("planning_lost", "stalled"):
        assert lost in named[kind]
        assert new not in named[kind]


# Celery's backend calls what redis-py has renamed.
@pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
def test_a_redis_that_forgot_everything_is_filled_again_from_postgres(
    world: World, app: Celery, client: redis.Redis
) -> None:
    world.write(*(f"{index}.jpg" for index in range(30)))
    job_id, unplanned = world.submit(world.root), world.submit(world.root, collection="other")
    real = replace(
        world.indexer,
        progress=CeleryProgressBoard(app),
        send=sender(app),
    )
    plan_job(real, PlanJob(job_id))
    assert client.llen("extract.vgg16") == world.settings.window
    client.flushall()
    found = repaired(world, indexer=real)
    assert found == {"batch_lost": world.settings.window, "planning_lost": 1, "progress_unpublished": 2}
    assert client.llen("extract.vgg16") == world.settings.window
    assert client.llen(Queue.PLAN.value) == 1
    assert {real.progress.read(each) is not None for each in (job_id, unplanned)} == {True}
    assert repaired(world, indexer=real) == {}


def test_a_paused_job_is_left_alone(world: World) -> None:
    job_id = planned(world, 20)
    extract_batches(world)
    with world.catalog.transaction() as tx:
        jobs.pause(tx, job_id)
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert not world.outbox
    with world.catalog.transaction() as tx:
        jobs.resume(tx, job_id)
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.job(job_id).outcomes == {"indexed": 20}
    world.check()


def test_a_lost_progress_report_is_published_again(world: World) -> None:
    job_id = planned(world, 4)
    extract = extract_batches(world)
    lost = replace(world.indexer, progress=InMemoryProgressBoard())
    settings = world.settings.model_copy(update={"lease_seconds": 60.0})
    with world.catalog.transaction() as tx:
        leases.lease_again(tx, [batch.batch_id for batch in extract], lease=settings.lease)
    assert repaired(world, indexer=lost) == {"progress_unpublished": 1}
    assert lost.progress.read(job_id) is not None


def test_finishing_deletes_twice_at_once_is_harmless(world: World) -> None:
    world.write("a.jpg")
    world.run(world.root)
    collection = world.collection()
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, collection)
    finish = partial(finish_deletes, world.indexer, collection.id)
    assert (finish(), finish()) == (1, 0)
    assert world.states() == {}


def test_requests_under_keys_are_forgotten_slice_by_slice_when_their_time_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expired, "SLICE", 2)
    with world.catalog.transaction() as tx:
        for name in map(str, range(6)):
            assert keyed_requests.take(tx, IdempotencyKey("scope", name), "digest") is None
        tx.execute(sa.text("UPDATE keyed_requests SET created_at = now() - interval '25 hours' WHERE key < '5'"))
    dry = kinds(reconcile(world.indexer, Reconcile(dry_run=True, deep=True)))
    assert dry == {"keyed_requests_old": 2}
    assert kinds(reconcile(world.indexer, Reconcile(dry_run=False, deep=True))) == {"keyed_requests_old": 5}
    with world.catalog.reading() as tx:
        assert list(tx.execute(sa.text("SELECT key FROM keyed_requests")).scalars()) == ["5"]


def test_events_of_the_audit_log_are_forgotten_slice_by_slice_when_their_time_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expired, "SLICE", 2)
    with world.catalog.transaction() as tx:
        for name in map(str, range(6)):
            audit.note(tx, Action.ALIAS_REMOVED, None, {"alias": name})
        tx.execute(sa.text("UPDATE audit_events SET at = now() - interval '366 days' WHERE id <= 5"))
    dry = kinds(reconcile(world.indexer, Reconcile(dry_run=True, deep=True)))
    assert dry == {"audit_events_old": 2}
    assert kinds(reconcile(world.indexer, Reconcile(dry_run=False, deep=True))) == {"audit_events_old": 5}
    with world.catalog.reading() as tx:
        assert [event.detail for event in audit.listing(tx, limit=10)] == [{"alias": "5"}]
