"""Look for duplicates in a job: over everything, over one partition, killed, and overtaken by a reindex."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, duplicates, jobs
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import duplicate_contents
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import JobKind, JobState, PlanJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.pipeline import Preprocessing
from imagesearch_indexer import duplicates as duplicates_module
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.tasks import plan_job
from integration.indexer.reindex.test_builder import finish, on
from support.dying import Dying
from support.world import World, vector_of

pytestmark = pytest.mark.integration


@pytest.fixture
def world(world: World) -> World:
    """Twelve pictures: two with a copy of their bytes, one with a near copy, and one copy in a partition."""
    world.write(*(f"{index}.jpg" for index in range(8)))
    world.write("copy of 1.jpg", "another of 1.jpg", content=b"1.jpg")
    world.write("near 2.jpg")
    assert world.run(world.root).indexed == 11
    world.write("set aside/copy of 3.jpg", content=b"3.jpg")
    world.run(world.root / "set aside", partition="aside")
    place_near(world, "near 2.jpg", b"2.jpg")
    return world


def place_near(world: World, name: str, content: bytes) -> None:
    vector = vector_of(content) + np.float32(0.05) * vector_of(b"something else")
    vector /= np.linalg.norm(vector)
    world.vectors.upsert(world.collection().vector_collection, world.keys(name), vector[None, :], [""], [{}])
    world.vectors.count(world.collection().vector_collection, strong=True)


def ids(world: World) -> dict[str, int]:
    with world.catalog.transaction() as tx:
        rows = tx.execute(sa.select(image_table.c.path, image_table.c.id)).all()
    return {row.path.rpartition("/")[2]: row.id for row in rows}


def submit(world: World, *, max_distance: float = 0.01, partition: str | None = None) -> str:
    with world.catalog.transaction() as tx:
        collection = collections.get(tx, "default")
        options = {"max_distance": max_distance, "partition": partition, "generation": collection.generation}
        wanted = jobs.NewJob(
            id=str(uuid4()), origin=JobOrigin.V2, directory=None, kind=JobKind.DUPLICATES, options=options
        )
        return jobs.create(tx, collection.id, wanted).id


def found(world: World, job_id: str) -> list[set[str]]:
    names = {image_id: name for name, image_id in ids(world).items()}
    with world.catalog.transaction() as tx:
        groups = duplicates.groups(tx, job_id, after=0, limit=100)
        assert tx.execute(sa.select(duplicate_contents)).all() == []
    # As they are shown: without those that are gone.
    there = [{names[image_id] for image_id in group.members if image_id in names} for group in groups]
    return sorted((group for group in there if len(group) > 1), key=min)


ALL = [
    {"1.jpg", "copy of 1.jpg", "another of 1.jpg"},
    {"2.jpg", "near 2.jpg"},
    {"3.jpg", "copy of 3.jpg"},
]


def test_copies_and_near_copies_are_grouped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates_module, "QUERIES", 5)
    job = finish(world, submit(world))
    assert (job.state, job.total, job.unchanged) == (JobState.SUCCEEDED, 12, 12)
    assert found(world, job.id) == ALL
    with world.catalog.transaction() as tx:
        first, second, _ = duplicates.groups(tx, job.id, after=0, limit=100)
        assert duplicates.groups(tx, job.id, after=first.id, limit=1) == [second]
    assert set(first.members.values()) == {0.0}
    assert 0 < second.members[second.id] < 0.01
    world.check()


def test_distance_zero_finds_copies_alone(world: World) -> None:
    assert found(world, finish(world, submit(world, max_distance=0.0)).id) == [ALL[0], ALL[2]]


def test_a_partition_is_compared_with_itself_alone(world: World) -> None:
    job = finish(world, submit(world, partition="aside"))
    assert (job.total, found(world, job.id)) == (1, [])
    assert found(world, finish(world, submit(world, partition="")).id) == ALL[:2]


def test_more_copies_than_neighbours_are_one_group(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates_module, "NEIGHBOURS", 2)
    names = [f"same {index}.jpg" for index in range(9)]
    world.write(*names, content=b"the same")
    world.run(world.root)
    assert set(names) in found(world, finish(world, submit(world)).id)


def test_a_search_may_be_killed_at_any_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates_module, "QUERIES", 5)
    deaths, has_died = 0, True
    while has_died:
        deaths += 1
        job_id = submit(world)
        try:
            plan_job(on(world, Dying(world.vectors, deaths, before=False)), PlanJob(job_id))
            has_died = False
        except StoreUnavailable:
            assert finish(world, job_id).state == JobState.SUCCEEDED
        assert found(world, job_id) == ALL
    assert deaths > 5


def test_what_is_deleted_meanwhile_is_in_no_group(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates_module, "QUERIES", 5)
    job_id = submit(world)
    impatient = replace(world.indexer, settings=world.settings.model_copy(update={"plan_seconds": 0.0}))
    while world.job(job_id).done < 12:
        plan_job(impatient, PlanJob(job_id))
    world.delete("near 2.jpg", "copy of 1.jpg")
    finish(world, job_id)
    assert found(world, job_id) == [{"1.jpg", "another of 1.jpg"}, ALL[2]]


def test_a_new_pipeline_ends_the_search_with_its_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates_module, "QUERIES", 5)
    job_id = submit(world)
    impatient = replace(world.indexer, settings=world.settings.model_copy(update={"plan_seconds": 0.0}))
    while not world.job(job_id).done:
        plan_job(impatient, PlanJob(job_id))
    world.taken(TaskName.PLAN)
    finish(world, world.submit_reindex(preprocessing=Preprocessing(resize="bilinear")))
    job = finish(world, job_id)
    assert job.state == JobState.FAILED
    assert "pipeline" in (job.error or "")
    assert found(world, job_id) == []


def test_a_cancelled_search_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates_module, "QUERIES", 5)
    job_id = submit(world)
    impatient = replace(world.indexer, settings=world.settings.model_copy(update={"plan_seconds": 0.0}))
    while not world.job(job_id).done:
        plan_job(impatient, PlanJob(job_id))
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, job_id)
    close_cancelled(world.indexer, job_id)
    job = world.job(job_id)
    assert (job.state, job.unchanged + job.cancelled) == (JobState.CANCELLED, 12)
    assert found(world, job_id) == []
