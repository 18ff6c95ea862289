"""A lost batch is sent again and counts once; what kills its workers stands alone in the end and fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from celery import Celery

from imagesearch.catalog.jobs import batches
from imagesearch.catalog.tables import job_batches
from imagesearch.contract import IndexBatch, JobState, Queue, Reconcile, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch.messaging.broker import send
from imagesearch.messaging.claims import BatchClaims
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.dispatch import dispatch
from imagesearch_indexer.reconcile import lost_batches
from imagesearch_indexer.reconcile.run import reconcile
from support.repairing import attempts, die, extract_batches, planned, repaired
from support.world import MODEL, World

pytestmark = pytest.mark.integration


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


def test_no_worker_is_taken_for_dead_while_none_can_claim(world: World) -> None:
    planned(world, 8)
    extract_batches(world)
    unsettled = replace(world.indexer, claims_hold=lambda: False)
    assert reconcile(unsettled, Reconcile(dry_run=False, deep=False)).findings == ()
    assert repaired(world) == {"batch_lost": 2}


def test_batches_that_a_dead_worker_had_leased_and_not_sent_are_sent(world: World) -> None:
    """A worker settles a batch and leases the next, and dies before it sends that or counts anything."""

    def die_first(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    narrow = replace(world, settings=world.settings.model_copy(update={"window": 1}))
    job_id = planned(narrow, 8)
    (batch,) = extract_batches(narrow)
    with pytest.raises(KeyboardInterrupt):
        index_batch(replace(narrow.indexer, send=die_first), world.extract(batch))
    assert attempts(narrow, job_id) == [1, 1]
    assert repaired(narrow)["batch_lost"] == 1
    narrow.work()
    assert (narrow.job(job_id).state, narrow.job(job_id).outcomes) == (JobState.SUCCEEDED, {"indexed": 8})
    narrow.check()


def test_two_reconciliations_at_once_send_a_lost_batch_once(
    world: World, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = planned(world, 4)
    (batch,) = extract_batches(world)
    BatchClaims(client, "worker").begin(Queue.EXTRACT, batch.batch_id)
    die(client, batch.batch_id)
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


def test_a_batch_that_waits_in_a_queue_is_not_sent_again(world: World, app: Celery, client: redis.Redis) -> None:
    job_id = planned(world, 8)
    first, second = extract_batches(world)
    claims, queue = BatchClaims(client, "worker"), world.queues[first.batch_id]
    send(app, TaskName.EXTRACT, first, task_id=claims.queued(queue, first.batch_id), queue=queue)
    answer = world.extract(second)
    send(app, TaskName.INDEX, answer, task_id=claims.queued(Queue.INDEX.value, second.batch_id))
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
    die(client, batch.batch_id)
    assert repaired(world) == {"batch_lost": 1}
    assert attempts(world, job_id) == [2]
    world.work()
    world.check()


@pytest.mark.parametrize("stage", [Queue.EXTRACT, Queue.INDEX])
def test_a_batch_on_its_way_back_to_its_queue_is_not_sent_again(
    world: World, app: Celery, client: redis.Redis, stage: Queue
) -> None:
    job_id = planned(world, 4)
    (batch,) = extract_batches(world)
    claims = BatchClaims(client, "worker")
    with pytest.raises(StoreUnavailable), claims.claimed(stage, batch.batch_id):
        raise StoreUnavailable("Milvus", "it is away")
    assert repaired(world) == {}, "its message is in no queue yet"
    if stage is Queue.INDEX:
        client.delete(f"imagesearch:claim:{stage}:{batch.batch_id}")
        send(app, TaskName.INDEX, world.extract(batch))
        assert repaired(world) == {}, "it waits in its queue again, longer than a claim lasts"
    assert attempts(world, job_id) == [1]


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
                die(client, batch.batch_id)
                continue
            answer = world.extract(batch)
            claims.end(Queue.EXTRACT, batch.batch_id)
            index_batch(world.indexer, answer)
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    job = world.job(job_id)
    assert (job.state, job.indexed, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 15, 1)
    assert sorted(set(world.outcomes(job_id).values())) == [FailureCode.CRASHES_WORKER.value, "indexed"]
    world.check()


def test_a_picture_that_kills_fails_alone_though_workers_hold_two_batches_at_once(
    world: World, client: redis.Redis
) -> None:
    job_id = planned(world, 16)
    killer, neighbour = (item.image_id for item in extract_batches(world)[1].items[:2])
    rounds = 0
    while world.job(job_id).finished_at is None:
        rounds += 1
        assert rounds < 60, "the poison was never found"
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
        waiting = list({batch.batch_id: batch for batch in extract_batches(world)}.values())
        # What kills is in the hands of one worker with its neighbour, wherever both are on their way.
        deadly, beside = (
            [batch for batch in waiting if any(item.image_id == image_id for item in batch.items)]
            for image_id in (killer, neighbour)
        )
        held = list({batch.batch_id: batch for batch in deadly + beside}.values()) if deadly else []
        for batch in held:
            BatchClaims(client, f"worker {rounds}").begin(Queue.EXTRACT, batch.batch_id)
        for batch in held:
            die(client, batch.batch_id)
        for batch in waiting:
            if batch not in held:
                index_batch(world.indexer, world.extract(batch))
    assert world.job(job_id).state == JobState.COMPLETED_WITH_FAILURES
    failed = [name for name, outcome in world.outcomes(job_id).items() if outcome != "indexed"]
    assert failed == ["004.jpg"]
    world.check()


@pytest.mark.parametrize(
    ("crashes", "limit", "leased"),
    [
        ([0, 0, 0, 0], 3, [0, 1, 2]),
        ([2, 1, 0, 0], 4, [0, 2, 3]),
        ([1, 1, 1, 0], 2, [0, 3]),
        ([0, 1, 1, 0], 4, [0, 1, 3]),
        ([1, 1, 1, 1], 4, [0]),
    ],
)
def test_of_the_batches_on_which_workers_died_one_is_on_its_way_at_a_time(
    world: World, crashes: list[int], limit: int, leased: list[int]
) -> None:
    job_id = planned(world, 1)
    with world.catalog.transaction() as tx:
        batches.cancel(tx, batches.lock_open(tx, job_id, limit=9))
        ids = batches.create(tx, job_id, len(crashes))
        for batch_id, number in zip(ids, crashes, strict=True):
            tx.execute(sa.update(job_batches).where(job_batches.c.id == batch_id).values(crashes=number))
    world.outbox.clear()
    assert dispatched(world, limit, ids) == leased
    room_for_all = [at for at, number in enumerate(crashes) if at not in leased and not number]
    assert dispatched(world, 4, ids) == room_for_all, "a second suspect went, or an innocent one did not"
    suspect = next((at for at in leased if crashes[at]), None)
    if suspect is not None:
        with world.catalog.transaction() as tx:
            batches.close(tx, ids[suspect])
        others = [at for at in range(4) if crashes[at] and at != suspect]
        assert dispatched(world, 4, ids) == others[:1]


def dispatched(world: World, limit: int, ids: list[int]) -> list[int]:
    """Send what is ready, and return where it stands among the ids."""
    wide = replace(world, settings=world.settings.model_copy(update={"window": limit}))
    dispatch(wide.indexer)
    return sorted(ids.index(batch.batch_id) for batch in extract_batches(world))


def test_a_picture_on_its_own_survives_the_deaths_that_bad_luck_brings(world: World, client: redis.Redis) -> None:
    job_id = planned(world, 1)
    for _ in range(world.settings.poison_crashes):
        (batch,) = extract_batches(world)
        BatchClaims(client, "unlucky").begin(Queue.EXTRACT, batch.batch_id)
        die(client, batch.batch_id)
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.job(job_id).state == JobState.SUCCEEDED


def test_work_that_raises_every_time_counts_like_a_death(world: World, client: redis.Redis) -> None:
    job_id = planned(world, 1)
    claims = BatchClaims(client, "worker")
    for _ in range(world.settings.poison_crashes + 1):
        (batch,) = extract_batches(world)
        with pytest.raises(ValueError, match="bug"), claims.claimed(Queue.INDEX, batch.batch_id):
            raise ValueError("bug")
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert world.outcomes(job_id) == {"000.jpg": FailureCode.CRASHES_WORKER.value}
    assert world.job(job_id).state == JobState.COMPLETED_WITH_FAILURES


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
