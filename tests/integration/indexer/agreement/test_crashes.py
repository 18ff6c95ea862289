"""A process that dies at any call to the vector store, in everything that writes to both stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa

from imagesearch.catalog import images, jobs, naming
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import ExtractBatch, IndexBatch, PlanJob, TaskName, UnchangedImage
from imagesearch.errors import StoreUnavailable
from imagesearch.vectors import VectorStore
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.deletion import collect
from imagesearch_indexer.tasks import plan_job
from support.agreement import check_agreement, repair
from support.dying import Before, Dying
from support.lagging import LaggingStore
from support.reindexing import SMOOTH, finish, on
from support.repairing import forget_sent, swept
from support.world import MODEL, World

pytestmark = pytest.mark.integration


def image_named(world: World, name: str) -> images.Image:
    with world.catalog.transaction() as tx:
        image_id = tx.execute(
            sa.select(image_table.c.id).where(image_table.c.path.endswith(f"/{name}"))
        ).scalar_one()
        return images.get(tx, image_id)


def change_of_labels(world: World, name: str, labels: Labels) -> IndexBatch:
    """Change the labels of one picture the way the API does; return what it sends to the indexer."""
    image = image_named(world, name)
    with world.catalog.transaction() as tx:
        job_id, batch_id = single_image.begin(tx, image, labels)
    seen = UnchangedImage(image.id, image.sha256 or "", 1, 1, image.version)
    return IndexBatch(job_id, batch_id, MODEL, (), b"", (seen,), ())


def index_once(world: World) -> Callable[[World], None]:
    (path,) = world.write("a.jpg", "b.jpg")[:1]
    world.run(world.root)
    path.write_bytes(b"changed")
    job_id = world.submit(world.root)
    world.plan(job_id)
    answers = [world.extract(one) for one in world.taken(TaskName.EXTRACT) if isinstance(one, ExtractBatch)]

    def work(at: World) -> None:
        for answer in answers:
            index_batch(at.indexer, answer)

    return work


def relabel_once(world: World) -> Callable[[World], None]:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    message = change_of_labels(world, "a.jpg", Labels("moved", {"year": 2000}))
    return lambda at: index_batch(at.indexer, message)


def delete_once(world: World) -> Callable[[World], None]:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    world.delete("a.jpg")

    def work(at: World) -> None:
        collect(at.indexer, timedelta(0))

    return work


def sweep_once(world: World) -> Callable[[World], None]:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    name, keys = world.collection().vector_collection, world.keys("a.jpg")
    stray = world.vectors.fetch_vectors(name, keys, strong=True)
    world.vectors.upsert(name, [10**15], next(iter(stray.values()))[None, :], [""], [{}])
    world.vectors.delete(name, keys)

    def work(at: World) -> None:
        if "repair_failed" in swept(at.indexer):
            raise StoreUnavailable("milvus", "killed in this test")

    return work


def switch_once(world: World) -> Callable[[World], None]:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    job_id = world.submit_reindex()
    return lambda at: plan_job(at.indexer, PlanJob(job_id))


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("begin", [index_once, relabel_once, delete_once, sweep_once, switch_once])
def test_whoever_dies_at_any_call_leaves_nothing_wrong(
    world: World, begin: Callable[[World], Callable[[World], None]], before: bool
) -> None:
    work, deaths, has_died = begin(world), 0, True
    while has_died:
        deaths += 1
        dying = cast(VectorStore, Dying(world.vectors, deaths, before=before))
        try:
            work(replace(world, vectors=dying))
            has_died = False
        except StoreUnavailable:
            continue
    assert deaths > 1
    finish_open(world)
    check_agreement(world)


def finish_open(world: World) -> None:
    repair(world)
    with world.catalog.transaction() as tx:
        waiting = [job.id for job in jobs.open_jobs(tx)]
    for job_id in waiting:
        finish(world, job_id)


def test_a_change_of_labels_reads_the_vector_that_a_job_has_just_written(
    world: World, store: LaggingStore
) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    store.catch_up()
    message = change_of_labels(world, "a.jpg", Labels("moved", None))
    path.write_bytes(b"newer")
    assert world.run(world.root).indexed == 1
    # No read has seen the new vector yet.
    index_batch(world.indexer, message)
    assert image_named(world, "a.jpg").partition == "moved"
    check_agreement(world)
    assert world.run(world.root).unchanged == 1


def test_a_change_of_labels_survives_that_its_file_is_gone(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    message = change_of_labels(world, "a.jpg", Labels("moved", {"year": 1999}))
    path.unlink()
    # The message is lost; the batch goes the way of every other lost batch.
    repair(world)
    image = image_named(world, "a.jpg")
    assert (image.partition, image.metadata, image.state) == ("moved", {"year": 1999}, "indexed")
    assert world.job(message.job_id).finished_at is not None
    assert world.inferences == 1
    check_agreement(world)


def test_a_change_of_labels_that_is_overtaken_while_it_begins_carries_the_newer_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("a.jpg")
    world.run(world.root)
    first = change_of_labels(world, "a.jpg", Labels("first", {"number": 1}))
    lock = naming.lock
    overtaking: list[IndexBatch] = []

    def overtaken(tx: Transaction, *given: Any) -> dict[int, images.Image]:
        # The indexer has begun with the first change, and another one is faster with the second.
        if not overtaking:
            overtaking.append(change_of_labels(world, "a.jpg", Labels("second", {"number": 2})))
            index_batch(world.indexer, overtaking[0])
        return lock(tx, *given)

    monkeypatch.setattr(naming, "lock", overtaken)
    index_batch(world.indexer, first)
    row = image_named(world, "a.jpg")
    assert (row.partition, row.metadata) == ("second", {"number": 2})
    check_agreement(world)


def test_labels_of_a_job_arrive_though_another_has_read_the_file_since(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    path.write_bytes(b"newer")
    labelling = world.submit(world.root, partition="labelled", metadata={"by": "job"})
    world.plan(labelling)
    answers = [world.extract(one) for one in world.taken(TaskName.EXTRACT) if isinstance(one, ExtractBatch)]
    forget_sent(world)
    assert world.run(world.root).indexed == 1
    for answer in answers:
        index_batch(world.indexer, answer)
    assert world.outcomes(labelling) == {"a.jpg": "indexed"}
    assert image_named(world, "a.jpg").partition == "labelled"
    check_agreement(world)


def test_a_job_that_is_cancelled_between_the_two_stores(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    job_id = world.submit(world.root)
    world.plan(job_id)
    answers = [world.extract(one) for one in world.taken(TaskName.EXTRACT) if isinstance(one, ExtractBatch)]

    def cancel() -> None:
        with world.catalog.transaction() as tx:
            jobs.cancel(tx, job_id)

    for answer in answers:
        index_batch(on(world, Before(world.vectors, "upsert", cancel)), answer)
    repair(world)
    job = world.job(job_id)
    assert (job.state, job.indexed + job.cancelled) == ("cancelled", 2)
    world.check_ledger(job_id)
    check_agreement(world)


def test_a_lost_vector_of_a_lost_file_is_said_to_be_lost(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    path.unlink()
    world.vectors.drop_collection(world.collection().vector_collection)
    repair(world)
    with world.catalog.transaction() as tx:
        [job] = [one for one in jobs.newest(tx, limit=10) if one.origin == "repair"]
    assert world.outcomes(job.id) == {"a.jpg": "vector_lost"}
    assert world.states() == {"a.jpg": "failed"}
    check_agreement(world)


def test_a_build_in_which_files_have_changed_may_be_killed_anywhere(world: World) -> None:
    paths = world.write(*(f"{index}.jpg" for index in range(6)))
    world.run(world.root)
    paths[0].write_bytes(b"changed, and nobody has said so")
    paths[1].unlink()
    deaths, has_died = 0, True
    while has_died:
        deaths += 1
        job_id = world.submit_reindex(preprocessing=SMOOTH)
        dying = replace(world, vectors=cast(VectorStore, Dying(world.vectors, deaths, before=False)))
        try:
            plan_job(dying.indexer, PlanJob(job_id))
            dying.work()
            has_died = world.job(job_id).finished_at is None
        except StoreUnavailable:
            pass
        world.outbox.clear()
        finish(world, job_id)
        paths[0].write_bytes(f"changed again {deaths}".encode())
    assert deaths > 3
    check_agreement(world)
