"""A picture that is on its way for one job is not sent for another, whatever becomes of the first."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import sent_images
from imagesearch.catalog.tables import sent_images as sent_rows
from imagesearch.contract import ExtractBatch, JobState, Reconcile
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.dispatch import dispatch
from imagesearch_indexer.reconcile.run import reconcile
from support.repairing import extract_batches, settle_and_die
from support.world import BAD, World

pytestmark = pytest.mark.integration


@pytest.fixture
def world(world: World) -> World:
    """An indexer with room for more batches than a test has."""
    return replace(world, settings=world.settings.model_copy(update={"window": 20}))


def submitted(world: World, *, jobs_: int = 1, **options: object) -> list[str]:
    """Submit the whole tree so many times, and plan each."""
    made = [world.submit(world.root, **options) for _ in range(jobs_)]
    for job_id in made:
        world.plan(job_id)
    return made


def pictures(sent: list[ExtractBatch]) -> Counter[int]:
    return Counter(item.image_id for batch in sent for item in batch.items)


def check_ended(world: World, made: list[str]) -> None:
    """Assert that all jobs have ended well, and that nothing is left behind."""
    assert {world.job(job_id).state for job_id in made} == {JobState.SUCCEEDED}
    with world.catalog.transaction() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(sent_rows)).scalar_one() == 0
    world.check()


def test_jobs_over_one_directory_compute_each_picture_once(world: World) -> None:
    world.write(*(f"{index:03}.jpg" for index in range(20)))
    made = submitted(world, jobs_=12)
    sent = extract_batches(world)
    assert set(pictures(sent).values()) == {1}
    for batch in sent:
        index_batch(world.indexer, world.extract(batch))
    world.work()
    assert world.inferences == 20
    assert Counter(next(iter(world.job(job_id).outcomes)) for job_id in made) == {"indexed": 1, "unchanged": 11}
    check_ended(world, made)


def test_ten_indexers_compute_each_picture_once(world: World) -> None:
    world.write(*(f"{index:03}.jpg" for index in range(48)))
    made = submitted(world, jobs_=6)
    indexers = [world.indexer for _ in range(10)]
    with ThreadPoolExecutor(len(indexers)) as pool:
        while sent := extract_batches(world):
            answers = [world.extract(batch) for batch in sent]
            list(pool.map(index_batch, indexers * len(answers), answers))
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.inferences == 48
    check_ended(world, made)


def test_only_the_pictures_that_are_on_their_way_wait(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    [first] = submitted(world)
    [on_its_way] = extract_batches(world)
    world.write("c.jpg", "d.jpg")
    [second] = submitted(world)
    [others] = extract_batches(world)
    assert len(others.items) == 2
    assert not pictures([others]).keys() & pictures([on_its_way]).keys()
    index_batch(world.indexer, world.extract(others))
    assert extract_batches(world) == []
    assert world.job(second).finished_at is None
    index_batch(world.indexer, world.extract(on_its_way))
    world.work()
    assert world.inferences == 4
    assert world.job(second).outcomes == {"indexed": 2, "unchanged": 2}
    check_ended(world, [first, second])


def test_a_job_gives_its_labels_to_a_picture_that_another_had_extracted(world: World) -> None:
    world.write("a.jpg")
    made = [*submitted(world), *submitted(world, metadata={"album": "second"})]
    world.work()
    assert world.inferences == 1
    with world.catalog.transaction() as tx:
        [metadata] = tx.execute(sa.text("SELECT metadata FROM images")).scalars()
    assert metadata == {"album": "second"}
    check_ended(world, made)


def test_a_file_that_changes_while_a_job_waits_is_indexed_as_it_is_then(world: World) -> None:
    world.write("a.jpg")
    made = submitted(world)
    [on_its_way] = extract_batches(world)
    answer = world.extract(on_its_way)
    world.write("a.jpg", content=b"changed")
    made += submitted(world)
    index_batch(world.indexer, answer)
    world.work()
    assert world.inferences == 2
    assert world.job(made[1]).outcomes == {"indexed": 1}
    check_ended(world, made)


def test_what_cannot_be_read_is_tried_once_for_each_job(world: World) -> None:
    world.write("a.jpg", content=BAD)
    made = submitted(world, jobs_=5)
    for _ in made:
        [only] = extract_batches(world)
        index_batch(world.indexer, world.extract(only))
    assert extract_batches(world) == []
    assert {world.job(job_id).state for job_id in made} == {JobState.COMPLETED_WITH_FAILURES}


def test_those_that_were_woken_wake_those_that_are_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_images, "MAX_WOKEN", 2)
    world.write("a.jpg")
    made = submitted(world, jobs_=6)
    sizes = []
    while sent := extract_batches(world):
        sizes.append(len(sent))
        for batch in sent:
            index_batch(world.indexer, world.extract(batch))
    assert sizes == [1, 2, 3]
    check_ended(world, made)


def test_when_a_job_is_cancelled_one_of_those_that_wait_takes_its_place(world: World) -> None:
    world.write("a.jpg")
    cancelled, *others = submitted(world, jobs_=4)
    [dropped] = extract_batches(world)
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, cancelled)
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    [instead] = extract_batches(world)
    index_batch(world.indexer, world.extract(dropped))
    index_batch(world.indexer, world.extract(instead))
    world.work()
    assert world.inferences == 2, "the stand-in extracts what it is given, also what was dropped"
    assert world.job(cancelled).outcomes == {"cancelled": 1}
    check_ended(world, others)


def test_when_a_batch_is_lost_one_of_all_is_sent_again(world: World) -> None:
    world.write("a.jpg")
    made = submitted(world, jobs_=4)
    assert len(extract_batches(world)) == 1
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert len(extract_batches(world)) == 1
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.inferences == 1
    check_ended(world, made)


def test_who_waits_for_a_worker_that_died_is_woken_by_reconciliation(world: World) -> None:
    world.write("a.jpg")
    made = submitted(world, jobs_=2)
    [on_its_way] = extract_batches(world)
    settle_and_die(world, world.extract(on_its_way))
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.inferences == 1
    check_ended(world, made)


def test_who_begins_to_wait_when_the_other_has_just_come_back_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("a.jpg")
    made = submitted(world)
    [on_its_way] = extract_batches(world)
    answer, look = world.extract(on_its_way), sent_images._holders

    def meanwhile(*arguments: object, **options: object) -> dict[int, int]:
        found = look(*arguments, **options)  # type: ignore[arg-type]
        monkeypatch.setattr(sent_images, "_holders", look)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(index_batch, world.indexer, answer).result()
        return found

    made += [world.submit(world.root)]
    monkeypatch.setattr(sent_images, "_holders", meanwhile)
    world.plan(made[1])
    dispatch(world.indexer)
    world.work()
    assert world.inferences == 1
    check_ended(world, made)


def test_what_an_older_release_left_behind_is_void(world: World) -> None:
    world.write("a.jpg")
    made = submitted(world)
    [on_its_way] = extract_batches(world)
    index_batch(world.indexer, world.extract(on_its_way))
    with world.catalog.transaction() as tx:
        row = {"image_id": on_its_way.items[0].image_id, "batch_id": on_its_way.batch_id}
        tx.execute(sa.insert(sent_rows).values(row))
    world.write("a.jpg", content=b"changed")
    made += submitted(world)
    [again] = extract_batches(world)
    index_batch(world.indexer, world.extract(again))
    with world.catalog.transaction() as tx:
        assert sent_images.forget_void(tx, limit=9) == 1
    check_ended(world, made)
