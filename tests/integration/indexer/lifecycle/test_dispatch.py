"""Batches of all jobs share the room, on the real catalogue."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import leases
from imagesearch.contract import ExtractBatch, IndexBatch, JobState, Queue, Reconcile
from imagesearch.networks import queues_of
from imagesearch.worker.registry import WorkerReport
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.dispatch import dispatch
from imagesearch_indexer.reconcile.run import reconcile
from support.repairing import extract_batches, settle_and_die
from support.world import MODEL, World

pytestmark = pytest.mark.integration


def submitted(world: World, folder: str, files: int, collection: str = "default") -> str:
    world.write(*(f"{folder}/{folder}{index:03}.jpg" for index in range(files)))
    job_id = world.submit(world.root / folder, collection)
    world.plan(job_id)
    return job_id


def jobs_of(sent: list[ExtractBatch]) -> Counter[str]:
    return Counter(batch.job_id for batch in sent)


def extractor(*, concurrency: int) -> WorkerReport:
    return WorkerReport(
        "extractor", queues_of(Queue.EXTRACT, MODEL), "1", None, None, untrained=True, concurrency=concurrency
    )


def test_all_jobs_together_have_no_more_on_their_way_than_there_is_room(world: World) -> None:
    for name in ("a", "b", "c"):
        submitted(world, name, 40)
    assert len(extract_batches(world)) == world.settings.window
    dispatch(world.indexer)
    assert extract_batches(world) == []


def test_workers_that_come_make_room(world: World) -> None:
    submitted(world, "a", 100)
    assert len(extract_batches(world)) == 3
    indexer = replace(world.indexer, workers=lambda: [extractor(concurrency=4)])
    dispatch(indexer)
    assert len(extract_batches(world)) == 4 * world.settings.batches_per_thread - 3


def test_a_small_job_ends_while_a_large_one_has_everything_on_its_way(world: World) -> None:
    # From here on it is known which workers the pictures are for.
    world.write("first.jpg")
    world.run(world.root)
    large = submitted(world, "large", 80)
    on_their_way = extract_batches(world)
    assert jobs_of(on_their_way) == {large: 3}
    small = submitted(world, "small", 8)
    assert extract_batches(world) == []
    rounds, indexer = 0, world.indexer
    while world.job(small).finished_at is None:
        rounds += 1
        index_batch(indexer, world.extract(on_their_way.pop(0)))
        on_their_way += extract_batches(world)
        assert len(on_their_way) == 3
    assert rounds <= 6, "two batches, behind three that were on their way, take turns with the large job's"
    assert world.job(large).state == JobState.RUNNING


def test_collections_share_equally_however_many_jobs_they_have(world: World) -> None:
    narrow, wide = (
        replace(world, settings=world.settings.model_copy(update={"window": window})) for window in (1, 8)
    )
    many = [submitted(narrow, name, 40) for name in ("a", "b", "c")]
    alone = submitted(narrow, "d", 40, collection="other")
    world.outbox.clear()
    dispatch(wide.indexer)
    sent = jobs_of(extract_batches(world))
    assert sent[alone] == 4
    assert sum(sent[job_id] for job_id in many) == 3, "one of theirs is on its way before"


def test_a_job_that_waits_its_turn_is_not_stalled_and_the_one_before_it_is(world: World) -> None:
    first, second = submitted(world, "a", 40), submitted(world, "b", 8)
    world.outbox.clear()
    settings = world.settings.model_copy(update={"stall_seconds": 0.0, "lease_seconds": 600.0})
    with world.catalog.transaction() as tx:
        leases.lease_again(tx, [batch.id for batch in leases.expired(tx, limit=9)], lease=settings.lease)
    reconcile(replace(world.indexer, settings=settings), Reconcile(dry_run=False, deep=False))
    assert world.job(first).stalled_at is not None
    assert world.job(second).stalled_at is None


def test_a_cancelled_job_makes_room_at_once(world: World) -> None:
    large, small = submitted(world, "large", 40), submitted(world, "small", 8)
    world.outbox.clear()
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, large)
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert jobs_of(extract_batches(world)) == {small: 2}


def test_ten_indexers_settle_one_job_and_others_at_once(world: World) -> None:
    wide = replace(world, settings=world.settings.model_copy(update={"window": 40}))
    made = [submitted(wide, name, 60) for name in ("a", "b", "c")]
    indexers = [wide.indexer for _ in range(10)]

    def settle(turn: tuple[Indexer, IndexBatch]) -> None:
        index_batch(*turn)

    with ThreadPoolExecutor(len(indexers)) as pool:
        while sent := extract_batches(wide):
            answers = [wide.extract(batch) for batch in sent]
            # Each answer comes twice, to two indexers.
            turns = [(indexers[at % 10], answer) for at, answer in enumerate([*answers, *answers])]
            list(pool.map(settle, turns))
    assert [wide.job(job_id).outcomes for job_id in made] == [{"indexed": 60}] * 3
    assert [wide.job(job_id).state for job_id in made] == [JobState.SUCCEEDED] * 3
    wide.check()


def test_a_worker_that_dies_before_it_counts_leaves_that_to_the_next_one(world: World) -> None:
    job_id = submitted(world, "a", 4)
    (batch,) = extract_batches(world)
    answer = world.extract(batch)
    settle_and_die(world, answer)
    assert (world.job(job_id).done, world.job(job_id).finished_at) == (0, None)
    index_batch(world.indexer, answer)
    assert (world.job(job_id).outcomes, world.job(job_id).state) == ({"indexed": 4}, JobState.SUCCEEDED)
    world.check()


def test_reconciliation_counts_what_a_worker_that_died_did_not(world: World) -> None:
    job_id = submitted(world, "a", 4)
    (batch,) = extract_batches(world)
    answer = world.extract(batch)
    settle_and_die(world, answer)
    reconcile(world.indexer, Reconcile(dry_run=False, deep=True))
    assert (world.job(job_id).outcomes, world.job(job_id).state) == ({"indexed": 4}, JobState.SUCCEEDED)
    world.check()
