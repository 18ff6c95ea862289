"""Answers to the batches of a build: late, of another pipeline or network, of pictures that are gone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import ExtractBatch, FailedImage, JobState, PlanJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.tasks import plan_job
from support.reindexing import (
    OTHER,
    SMOOTH,
    check_whole,
    filled,
    finish,
    work_alone,
)
from support.world import BAD, World

pytestmark = pytest.mark.integration


def test_a_picture_deleted_before_its_batch_of_a_build_was_sent_is_left_out(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    # Without room in the window, batches are cut and wait.
    no_room = replace(world.indexer, settings=world.settings.model_copy(update={"window": 0}))
    plan_job(no_room, PlanJob(job_id))
    assert not world.taken(TaskName.EXTRACT)
    with world.catalog.transaction() as tx:
        first = tx.execute(sa.select(image_table.c.id).order_by(image_table.c.id).limit(1)).scalar_one()
    world.delete_ids([first])
    job = finish(world, job_id)
    assert (job.state, job.failed, job.indexed) == (JobState.COMPLETED_WITH_FAILURES, 1, 24)
    check_whole(world, SMOOTH)


def test_a_batch_of_the_old_pipeline_is_extracted_again(world: World) -> None:
    filled(world)
    world.write("late.jpg")
    late = world.submit(world.root)
    world.plan(late)
    (batch,) = [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]
    answer = world.extract(batch)
    work_alone(world, world.indexer, world.submit_reindex(preprocessing=SMOOTH))
    index_batch(world.indexer, answer)
    assert world.states()["late.jpg"] == "pending"
    world.work()
    assert world.job(late).state == JobState.SUCCEEDED
    check_whole(world, SMOOTH)


def test_a_picture_that_cannot_be_read_again_leaves_the_index_and_can_be_retried(world: World) -> None:
    filled(world)
    lost = world.root / "003.jpg"
    content = lost.read_bytes()
    lost.unlink()
    world.write("004.jpg", content=BAD)
    world.write("005.jpg", content=b"changed on the disk")
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    assert set(world.states().values()) == {"indexed"}, "nothing changes before the switch"
    job = finish(world, job_id)
    assert (job.state, job.indexed, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 23, 2)
    assert {name for name, state in world.states().items() if state == "failed"} == {"003.jpg", "004.jpg"}
    check_whole(world, SMOOTH)
    lost.write_bytes(content)
    world.write("004.jpg", content=b"whole again")
    with world.catalog.transaction() as tx:
        jobs.reopen(tx, job_id)
    job = finish(world, job_id)
    assert (job.state, job.indexed) == (JobState.SUCCEEDED, 25)
    check_whole(world, SMOOTH)


def refused_reindex(world: World) -> str:
    """Return the job of a build whose first answer is that the worker has another pipeline."""
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    batch, *_ = [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]
    refused = [
        FailedImage(item.image_id, FailureCode.WRONG_PIPELINE, "another network", item.expected_version)
        for item in batch.items
    ]
    answer = replace(world.extract(batch), images=(), vectors=b"", unchanged=(), failures=tuple(refused))
    index_batch(world.indexer, answer)
    return job_id


def test_a_batch_that_workers_with_other_weights_took_first_goes_to_those_of_the_build(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    batch, *_ = [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]
    index_batch(world.indexer, world.extract(batch, model=OTHER))
    assert world.job(job_id).done == 0
    assert world.queues[batch.batch_id] == "extract.vgg16.test"
    assert finish(world, job_id).state is JobState.SUCCEEDED
    check_whole(world, SMOOTH)


def test_a_worker_of_another_pipeline_fails_the_job_and_not_the_index(world: World) -> None:
    filled(world)
    before = world.collection()
    job_id = refused_reindex(world)
    job = finish(world, job_id)
    assert job.state == JobState.FAILED
    assert "network" in (job.error or "")
    assert world.collection() == before
    check_whole(world)


@pytest.mark.parametrize("step", ["cancel_unplanned", "cancel_batches"])
def test_a_build_that_is_given_up_may_be_killed_on_the_way(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    filled(world)
    before = world.collection()
    job_id = refused_reindex(world)
    with monkeypatch.context() as patched:

        def die(*_: object, **__: object) -> None:
            raise StoreUnavailable("postgres", "killed in this test")

        patched.setattr(ledger, step, die)
        with pytest.raises(StoreUnavailable):
            plan_job(world.indexer, PlanJob(job_id))
    assert finish(world, job_id).state == JobState.FAILED
    assert world.collection() == before
    finish(world, world.submit_reindex())
    check_whole(world)
