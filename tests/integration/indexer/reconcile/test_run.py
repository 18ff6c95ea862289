"""What a crash leaves behind is found and repaired from Postgres; what is only slow is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from celery import Celery

from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.jobs import batches
from imagesearch.catalog.tables import collections as collection_rows
from imagesearch.catalog.tables import images as image_rows
from imagesearch.catalog.tables import job_batches, job_items
from imagesearch.catalog.tables import jobs as job_table
from imagesearch.contract import ExtractBatch, Findings, IndexBatch, JobState, PlanJob, Queue, Reconcile, TaskName
from imagesearch.failures import FailureCode
from imagesearch.messaging.broker import close_celery, create_celery, send
from imagesearch.messaging.claims import BatchClaims, batch_task_id, plan_task_id
from imagesearch.messaging.progress import CeleryProgressBoard, InMemoryProgressBoard
from imagesearch.telemetry import JOBS_STALLED
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.reconcile import lost_batches
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.tasks import plan_job
from support.damage import damage_job
from support.world import MODEL, World, vector_of

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _look_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing moves between the two looks of these tests."""
    monkeypatch.setattr(lost_batches, "SECOND_LOOK_SECONDS", 0.0)


@pytest.fixture
def app(stores: Any) -> Iterator[Celery]:
    made = create_celery(stores.redis)
    yield made
    close_celery(made)


def extract_batches(world: World) -> list[ExtractBatch]:
    return [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]


def planned(world: World, files: int) -> str:
    """Submit a job over so many new files and plan it; its first batches lie in the outbox."""
    world.write(*(f"{index:03}.jpg" for index in range(files)))
    job_id = world.submit(world.root)
    world.plan(job_id)
    return job_id


def repaired(world: World, *, deep: bool = False, indexer: Indexer | None = None) -> dict[str, int]:
    """Look only, check that this changed nothing, then repair, and return what was found by kind."""
    before = snapshot(world)
    seen = _kinds(reconcile(indexer or world.indexer, Reconcile(dry_run=True, deep=deep)))
    assert snapshot(world) == before, "a dry run changed something"
    assert _kinds(reconcile(indexer or world.indexer, Reconcile(dry_run=False, deep=deep))) == seen
    return seen


def _kinds(findings: Findings) -> dict[str, int]:
    return {finding.kind: finding.count for finding in findings.findings}


def snapshot(world: World) -> object:
    """Return everything that a repair could change."""
    tables = (job_table, job_batches, job_items, image_rows, collection_rows)
    with world.catalog.transaction() as tx:
        rows = [sorted(map(repr, tx.execute(sa.select(table)).all())) for table in tables]
        names = tx.execute(sa.select(collection_rows.c.vector_collection)).scalars().all()
    vectors = [world.vectors.ids(name) for name in names if world.vectors.has_collection(name)]
    return rows, vectors, list(world.outbox)


def attempts(world: World, job_id: str) -> list[int]:
    with world.catalog.transaction() as tx:
        query = sa.select(job_batches.c.attempts).where(job_batches.c.job_id == job_id)
        return list(tx.execute(query.order_by(job_batches.c.id)).scalars())


def test_a_lost_batch_is_sent_again_and_counts_once(world: World) -> None:
    job_id = planned(world, 8)
    lost = extract_batches(world)
    assert repaired(world) == {"batch_lost": 2}
    found_again = extract_batches(world)
    assert [batch.items for batch in found_again] == [batch.items for batch in lost]
    for batch in [*found_again, *lost]:
        index_batch(world.indexer, world.extract(batch))
    assert world.job(job_id).outcomes == {"indexed": 8}
    assert world.job(job_id).state == JobState.SUCCEEDED
    assert repaired(world) == {}
    world.check()


def test_two_reconciliations_at_once_send_a_lost_batch_once(
    world: World, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = planned(world, 4)
    (batch,) = extract_batches(world)
    BatchClaims(client, "worker").begin(Queue.EXTRACT, batch.batch_id)
    _die(client, batch.batch_id)
    look = lost_batches._alive

    def meanwhile(indexer: Indexer, wanted: set[int]) -> set[int]:
        monkeypatch.setattr(lost_batches, "_alive", look)
        reconcile(indexer, Reconcile(dry_run=False, deep=False))
        return look(indexer, wanted)

    monkeypatch.setattr(lost_batches, "_alive", meanwhile)
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert attempts(world, job_id) == [2]
    with world.catalog.transaction() as tx:
        crashes = tx.execute(sa.select(job_batches.c.crashes)).scalar_one()
    assert crashes == 1, "a death was forgotten"


def test_a_batch_that_waits_in_a_queue_is_not_sent_again(world: World, app: Celery) -> None:
    job_id = planned(world, 8)
    first, second = extract_batches(world)
    send(app, TaskName.EXTRACT, first, task_id=batch_task_id(Queue.EXTRACT, first.batch_id, 1))
    answer = world.extract(second)
    send(app, TaskName.INDEX, answer, task_id=batch_task_id(Queue.INDEX, second.batch_id, 1))
    assert repaired(world) == {}
    assert attempts(world, job_id) == [1, 1]


def test_a_batch_in_a_workers_hands_is_not_sent_again_until_the_worker_is_gone(
    world: World, client: redis.Redis
) -> None:
    job_id = planned(world, 4)
    (batch,) = extract_batches(world)
    claims = BatchClaims(client, "worker")
    claims.begin(Queue.EXTRACT, batch.batch_id)
    assert repaired(world) == {}
    _die(client, batch.batch_id)
    assert repaired(world) == {"batch_lost": 1}
    assert attempts(world, job_id) == [2]
    world.work()
    world.check()


def _die(client: redis.Redis, batch_id: int) -> None:
    """Let the claim run out, as that of a worker that was killed does."""
    assert client.delete(f"imagesearch:claim:extract:{batch_id}") == 1


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
    send(app, TaskName.PLAN, PlanJob(job_id), task_id=plan_task_id(job_id))
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


def test_images_whose_deletion_was_cut_off_are_removed(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    collection = world.collection()
    gone, kept = world.vectors.ids(collection.vector_collection)
    with world.catalog.transaction() as tx:
        images.mark_deleting(tx, collection.id, [gone])
    assert repaired(world) == {"delete_unfinished": 1}
    assert world.vectors.ids(collection.vector_collection) == [kept]
    assert len(world.states()) == 1
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


def test_vectors_without_a_row_are_removed(world: World) -> None:
    world.write("a.jpg")
    world.run(world.root)
    name = world.collection().vector_collection
    stray = vector_of(b"stray")[None, :]
    world.vectors.upsert(name, [10**9], stray, partitions=[""], metadata=[{}])
    assert repaired(world, deep=True) == {"vector_without_row": 1}
    world.check()


def test_rows_without_a_vector_are_indexed_again(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    name = world.collection().vector_collection
    world.vectors.delete(name, world.vectors.ids(name)[:1])
    assert repaired(world, deep=True) == {"row_without_vector": 1}
    world.work()
    assert set(world.states().values()) == {"indexed"}
    assert repaired(world, deep=True) == {}
    world.check()


def test_a_vector_store_that_lost_everything_is_filled_again(world: World) -> None:
    job_id = planned(world, 8)
    first, second = (world.extract(batch) for batch in extract_batches(world))
    index_batch(world.indexer, first)
    world.vectors.drop_collection(world.collection().vector_collection)
    index_batch(world.indexer, second)
    assert world.job(job_id).state == JobState.SUCCEEDED
    assert repaired(world, deep=True) == {"row_without_vector": 4}
    world.work()
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
    assert _kinds(reconcile(patient, Reconcile(dry_run=False, deep=False))) == {"batch_lost": 1}
    assert _kinds(reconcile(stalling, Reconcile(dry_run=False, deep=False)))["stalled"] == 1
    assert JOBS_STALLED._value.get() == 1
    assert world.job(job_id).stalled_at is not None
    shown = world.progress.read(job_id)
    assert shown is not None
    assert shown.stalled
    world.work()
    assert world.job(job_id).stalled_at is None
    reconcile(stalling, Reconcile(dry_run=False, deep=False))
    assert JOBS_STALLED._value.get() == 0


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
        send=lambda task, message, task_id: send(app, task, message, task_id=task_id),
    )
    plan_job(real, PlanJob(job_id))
    assert client.llen(Queue.EXTRACT.value) == world.settings.window
    client.flushall()
    found = repaired(world, indexer=real)
    assert found == {"batch_lost": world.settings.window, "planning_lost": 1, "progress_unpublished": 2}
    assert client.llen(Queue.EXTRACT.value) == world.settings.window
    assert client.llen(Queue.PLAN.value) == 1
    assert {real.progress.read(each) is not None for each in (job_id, unplanned)} == {True}
    assert repaired(world, indexer=real) == {}


def test_a_picture_that_kills_its_workers_stands_alone_in_the_end_and_fails(
    world: World, client: redis.Redis
) -> None:
    job_id = planned(world, 16)
    killer = next(item.image_id for batch in extract_batches(world) for item in batch.items)
    rounds = 0
    while world.job(job_id).finished_at is None:
        rounds += 1
        assert rounds < 40, "the poison was never found"
        for batch in extract_batches(world):
            claims = BatchClaims(client, f"worker {rounds}")
            claims.begin(Queue.EXTRACT, batch.batch_id)
            if any(item.image_id == killer for item in batch.items):
                _die(client, batch.batch_id)
                continue
            answer = world.extract(batch)
            claims.end(Queue.EXTRACT, batch.batch_id)
            index_batch(world.indexer, answer)
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    job = world.job(job_id)
    assert (job.state, job.indexed, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 15, 1)
    assert sorted(set(world.outcomes(job_id).values())) == [FailureCode.CRASHES_WORKER.value, "indexed"]
    world.check()


def test_a_picture_on_its_own_survives_the_deaths_that_bad_luck_brings(world: World, client: redis.Redis) -> None:
    job_id = planned(world, 1)
    for _ in range(world.settings.poison_crashes - 1):
        (batch,) = extract_batches(world)
        BatchClaims(client, "unlucky").begin(Queue.EXTRACT, batch.batch_id)
        _die(client, batch.batch_id)
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.job(job_id).state == JobState.SUCCEEDED


def test_work_that_raises_every_time_counts_like_a_death(world: World, client: redis.Redis) -> None:
    job_id = planned(world, 1)
    claims = BatchClaims(client, "worker")
    for _ in range(world.settings.poison_crashes):
        (batch,) = extract_batches(world)
        with pytest.raises(ValueError, match="bug"), claims.claimed(Queue.INDEX, batch.batch_id):
            raise ValueError("bug")
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert world.outcomes(job_id) == {"000.jpg": FailureCode.CRASHES_WORKER.value}
    assert world.job(job_id).state == JobState.COMPLETED_WITH_FAILURES


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
        batches.lease_again(tx, [batch.batch_id for batch in extract], lease=settings.lease)
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


def test_an_answer_for_a_batch_that_was_taken_apart_changes_nothing(world: World, client: redis.Redis) -> None:
    job_id = planned(world, 4)
    (whole,) = extract_batches(world)
    late: IndexBatch = world.extract(whole)
    for _ in range(world.settings.poison_crashes):
        BatchClaims(client, "worker").begin(Queue.EXTRACT, whole.batch_id)
    for _ in range(world.settings.poison_crashes):
        client.delete(f"imagesearch:claim:extract:{whole.batch_id}")
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    index_batch(world.indexer, late)
    assert world.job(job_id).done == 0
    world.work()
    assert world.job(job_id).outcomes == {"indexed": 4}
    assert world.collection().model == MODEL
    assert Path(world.root, "000.jpg").exists()
    world.check()
