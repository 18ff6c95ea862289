"""A reindex that somebody stops in the moment of its switch is stopped, and its index not switched to."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from imagesearch.catalog import jobs
from imagesearch.contract import JobState, PlanJob
from imagesearch.vectors import VectorStore
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.tasks import plan_job
from integration.indexer.reindex.test_builder import SMOOTH, check_whole, filled, finish
from support.dying import Before
from support.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def world(world: World) -> World:
    """An indexer that drops what a reindex replaced at once."""
    return replace(world, settings=world.settings.model_copy(update={"retire_seconds": 0.0}))


def work_up_to_the_switch(world: World, job_id: str, stop: object) -> None:
    """Build the index of a job that is stopped when its switch has begun, and look at nothing after that."""

    def stop_it() -> None:
        with world.catalog.transaction() as tx:
            stop(tx, job_id)  # type: ignore[operator]

    # Pictures are extracted, so the first count is the one before the switch.
    stopping = replace(world, vectors=cast(VectorStore, Before(world.vectors, "count", stop_it)))
    plan_job(stopping.indexer, PlanJob(job_id))
    stopping.work()
    world.outbox.clear()


def test_a_cancel_in_the_moment_of_the_switch_keeps_the_index(world: World) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    work_up_to_the_switch(world, job_id, jobs.cancel)
    close_cancelled(world.indexer, job_id)
    job = world.job(job_id)
    assert (job.state, job.finished_at is not None) == (JobState.CANCELLED, True)
    assert world.collection() == before
    check_whole(world)


def test_a_pause_in_the_moment_of_the_switch_holds_until_it_is_resumed(world: World) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    work_up_to_the_switch(world, job_id, jobs.pause)
    assert (world.job(job_id).state, world.job(job_id).finished_at) == (JobState.PAUSED, None)
    assert world.collection() == before
    with world.catalog.transaction() as tx:
        jobs.resume(tx, job_id)
    assert finish(world, job_id).state == JobState.SUCCEEDED
    check_whole(world, SMOOTH)
