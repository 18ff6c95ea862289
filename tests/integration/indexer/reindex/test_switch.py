"""A collection is switched to a build that is whole, while nobody writes, and to no other."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch.catalog import image_counts
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.tables import retired_vectors
from imagesearch.contract import ExtractBatch, JobState, PlanJob, Reconcile, TaskName
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle import retirement
from imagesearch_indexer.lifecycle.finish import end_job
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.reindex import builder
from imagesearch_indexer.reindex.switch import SwitchResult, switch
from imagesearch_indexer.tasks import plan_job
from support.dying import Before
from support.reindexing import (
    SMOOTH,
    check_whole,
    filled,
    finish,
    is_somebody_waiting,
    on,
)
from support.repairing import swept
from support.waiting import TIMEOUT, until
from support.world import World, vector_of

pytestmark = pytest.mark.integration


def test_searches_use_the_old_index_until_the_new_one_is_whole(world: World) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    while world.job(job_id).done < 25:
        assert world.collection() == before
        assert world.vectors.count(before.vector_collection, strong=True) == 25
        for batch in world.taken(TaskName.EXTRACT):
            assert isinstance(batch, ExtractBatch)
            index_batch(world.indexer, world.extract(batch))
    assert world.collection() == before
    finish(world, job_id)
    check_whole(world, SMOOTH)


def test_the_switch_waits_for_a_batch_that_is_being_written(world: World) -> None:
    filled(world)
    world.write("late.jpg")
    late = world.submit(world.root)
    world.plan(late)
    (batch,) = [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]
    job_id = world.submit_reindex()
    old = world.collection().vector_collection
    is_writing = Event()

    def wait_for_the_builder() -> None:
        is_writing.set()
        until(lambda: is_somebody_waiting(world))
        assert world.collection().vector_collection == old

    # The batch's transaction holds the collection while its vectors are written.
    writer = on(world, Before(world.vectors, "upsert", wait_for_the_builder))
    writing = Thread(target=index_batch, args=(writer, world.extract(batch)))

    def write_meanwhile() -> None:
        writing.start()
        assert is_writing.wait(TIMEOUT)

    plan_job(on(world, Before(world.vectors, "compact", write_meanwhile)), PlanJob(job_id))
    writing.join()
    finish(world, job_id)
    assert world.collection().vector_collection != old
    assert world.states()["late.jpg"] == "indexed"
    check_whole(world)


@pytest.mark.parametrize("slices", [1, 10])
def test_rows_have_followed_the_switch_whoever_ends_the_job(
    world: World, slices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(world, 8)
    for lost in range(5):
        (world.root / f"{lost:03}.jpg").unlink()
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    monkeypatch.setattr(retirement, "SLICE", 2)
    monkeypatch.setattr(retirement, "SLICES", slices)
    counted: list[int] = []

    def switch_and_be_overtaken(indexer: Indexer, switched: str) -> SwitchResult:
        result = switch(indexer, switched)
        while result is SwitchResult.SWITCHED and world.job(job_id).finished_at is None:
            # The thread that settled the last batch looks at the job only now, or reconciliation does.
            end_job(indexer, switched)
        with world.catalog.transaction() as tx:
            counted.append(image_counts.indexed(tx, [world.collection().id])[world.collection().id])
        return result

    monkeypatch.setattr(builder, "switch", switch_and_be_overtaken)
    job = finish(world, job_id)
    assert (job.state, job.indexed, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 3, 5)
    assert counted == [3]
    check_whole(world, SMOOTH)


def test_an_index_is_never_emptied(world: World) -> None:
    filled(world)
    before = world.collection()
    world.root.rename(world.root.with_name("away"))
    job = finish(world, world.submit_reindex(preprocessing=SMOOTH))
    world.root.with_name("away").rename(world.root)
    assert job.state == JobState.FAILED
    assert "None of 25 pictures" in (job.error or "")
    assert world.collection() == before
    check_whole(world)


def test_replaced_vectors_stay_for_searches_that_have_begun(world: World) -> None:
    filled(world)
    old = world.collection().vector_collection
    patient = replace(world, settings=world.settings.model_copy(update={"retire_seconds": 3600.0}))
    finish(patient, patient.submit_reindex())
    assert world.vectors.search(old, vector_of(b"003.jpg")[None, :], limit=1)[0][0].distance < 0.001
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(retired_vectors).values(drop_after=sa.func.now()))
    findings = reconcile(world.indexer, Reconcile(dry_run=False, deep=False)).findings
    assert [(finding.kind, finding.count) for finding in findings] == [("vectors_retired", 1)]
    assert not world.vectors.has_collection(old)
    check_whole(world)


def test_a_comparison_that_began_before_the_switch_repairs_nothing(world: World) -> None:
    filled(world)
    world.inferences = 0

    def switch() -> None:
        finish(world, world.submit_reindex())

    assert swept(on(world, Before(world.vectors, "keys", switch))) == {}
    assert (set(world.states().values()), world.inferences) == ({"indexed"}, 0)
    check_whole(world)


def test_vectors_that_nobody_recorded_are_removed_after_the_switch(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex()
    with world.catalog.transaction() as tx:
        build = builds.get(tx, job_id)
    assert build is not None

    def stray() -> None:
        made: Any = np.stack([vector_of(b"stray")])
        world.vectors.upsert(build.vector_collection, [10**9], made, [""], [{}])

    plan_job(on(world, Before(world.vectors, "compact", stray)), PlanJob(job_id))
    assert world.job(job_id).state == JobState.SUCCEEDED
    assert swept(world.indexer) == {"vector_without_row": 1}
    check_whole(world)
