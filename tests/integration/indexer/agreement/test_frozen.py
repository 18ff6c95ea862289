"""A process that is frozen between its lock and its call to the vector store, and thaws when all has changed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from imagesearch.catalog import collections
from imagesearch.contract import ExtractBatch, PlanJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.deletion import collect, finish_deletes
from imagesearch_indexer.tasks import plan_job
from support.agreement import check_agreement
from support.freezing import frozen
from support.reindexing import SMOOTH, finish, on
from support.world import World

pytestmark = pytest.mark.integration


def batch_of(world: World, job_id: str) -> ExtractBatch:
    (batch,) = [one for one in world.taken(TaskName.EXTRACT) if isinstance(one, ExtractBatch)]
    assert batch.job_id == job_id
    return batch


def test_a_late_insert_is_nobodys_vector(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    path.write_bytes(b"second")
    job_id = world.submit(world.root)
    world.plan(job_id)
    answer = world.extract(batch_of(world, job_id))

    def index_newer_bytes() -> None:
        path.write_bytes(b"third, and the newest")
        assert world.run(world.root).indexed == 1

    with pytest.raises(StoreUnavailable):
        index_batch(on(world, frozen(world, "upsert", index_newer_bytes)), answer)
    assert len(world.vectors.keys(world.collection().vector_collection)) <= 3
    index_batch(world.indexer, answer)
    check_agreement(world)
    assert world.run(world.root).unchanged == 1


def test_a_late_insert_for_a_deleted_picture_is_swept(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    world.run([world.root / "b.jpg"])
    job_id = world.submit([world.root / "a.jpg"])
    world.plan(job_id)
    answer = world.extract(batch_of(world, job_id))
    with pytest.raises(StoreUnavailable):
        index_batch(on(world, frozen(world, "upsert", lambda: world.delete("a.jpg"))), answer)
    index_batch(world.indexer, answer)
    assert world.outcomes(job_id) == {"a.jpg": "removed"}
    check_agreement(world)
    assert world.states() == {"b.jpg": "indexed"}


def test_a_late_change_of_labels_leaves_the_newer_ones(world: World) -> None:
    world.write("a.jpg")
    world.run(world.root)
    job_id = world.submit(world.root, partition="first")
    world.plan(job_id)
    answer = world.extract(batch_of(world, job_id))

    def change_again() -> None:
        world.run(world.root, partition="second", metadata={"year": 2001})

    with pytest.raises(StoreUnavailable):
        index_batch(on(world, frozen(world, "upsert", change_again)), answer)
    check_agreement(world)


def test_a_late_delete_harms_nothing_that_was_written_since(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    path.write_bytes(b"second")
    world.run(world.root)

    def go_on() -> None:
        collect(world.indexer, timedelta(0))
        world.delete("a.jpg")
        assert world.run(world.root).indexed == 1
        path.write_bytes(b"third")
        assert world.run(world.root).indexed == 1

    collect(on(world, frozen(world, "delete", go_on)), timedelta(0))
    check_agreement(world)


def test_a_late_insert_into_a_deleted_collection_leaves_nothing(world: World) -> None:
    world.write("a.jpg")
    job_id = world.submit(world.root)
    world.plan(job_id)
    answer = world.extract(batch_of(world, job_id))
    name = world.collection().vector_collection

    def delete_the_collection() -> None:
        with world.catalog.transaction() as tx:
            collections.mark_deleting(tx, collections.get(tx, "default"))
        finish_deletes(world.indexer, answer_collection)
        assert not world.vectors.has_collection(name)

    answer_collection = world.collection().id
    with pytest.raises(StoreUnavailable):
        index_batch(on(world, frozen(world, "upsert", delete_the_collection)), answer)
    assert world.vectors.has_collection(name), "it was made again, too late"
    index_batch(world.indexer, answer)
    check_agreement(world)
    assert not world.vectors.has_collection(name)


def test_a_late_planner_makes_nothing_of_a_deleted_collection(world: World) -> None:
    world.write("a.jpg")
    job_id = world.submit(world.root)
    collection = world.collection()

    def delete_the_collection() -> None:
        with world.catalog.transaction() as tx:
            collections.mark_deleting(tx, collection)
        finish_deletes(world.indexer, collection.id)

    with pytest.raises(StoreUnavailable):
        plan_job(on(world, frozen(world, "ensure_collection", delete_the_collection)), PlanJob(job_id))
    check_agreement(world)
    assert world.vectors.collections() == []


@pytest.mark.parametrize("extracts", [False, True], ids=["copy", "extract"])
def test_a_builder_that_thaws_after_another_has_switched(world: World, extracts: bool) -> None:
    paths = world.write(*(f"{index}.jpg" for index in range(6)))
    world.run(world.root)
    job_id = world.submit_reindex(preprocessing=SMOOTH if extracts else None)
    answers = []
    if extracts:
        plan_job(world.indexer, PlanJob(job_id))
        answers = [world.extract(one) for one in world.taken(TaskName.EXTRACT) if isinstance(one, ExtractBatch)]

    def go_on() -> None:
        finish(world, job_id)
        paths[0].write_bytes(b"changed behind the switch")
        world.run(world.root)
        world.delete("1.jpg")

    late = on(world, frozen(world, "upsert", go_on))
    fill = partial(index_batch, late, answers[0]) if extracts else partial(plan_job, late, PlanJob(job_id))
    with pytest.raises(StoreUnavailable):
        fill()
    check_agreement(world)
    assert set(world.states().values()) == {"indexed"}
    assert "1.jpg" not in world.states()
