"""A reindex that somebody stops, also in the moment of its switch, is stopped, and its index not switched to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.reindex import builds
from imagesearch.contract import CancelJob, ExtractBatch, JobState, PlanJob, Reconcile, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors import VectorStore
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.tasks import plan_job
from support.dying import Dying, EachTime
from support.reindexing import (
    SMOOTH,
    check_whole,
    filled,
    finish,
    on,
)
from support.world import World

pytestmark = pytest.mark.integration


def work_up_to_the_switch(world: World, job_id: str, stop: object) -> None:
    """Build the index of a job that is stopped when its switch has begun, and look at nothing after that."""

    settled: list[str] = []

    def stop_it() -> None:
        if settled:
            settled.clear()
            with world.catalog.transaction() as tx:
                stop(tx, job_id)  # type: ignore[operator]

    # Once all is settled in the store, the next count is the one before the switch.
    store = EachTime(world.vectors, "count", stop_it)
    stopping = replace(world, vectors=cast(VectorStore, EachTime(store, "compact", lambda: settled.append("all"))))
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


@pytest.mark.parametrize("preprocessing", [Preprocessing(), SMOOTH], ids=["copy", "extract"])
def test_cancelling_drops_what_was_built(world: World, preprocessing: Preprocessing) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex(preprocessing=preprocessing)
    with world.catalog.transaction() as tx:
        build = builds.get(tx, job_id)
    assert build is not None
    # Killed in the middle of the last round, or with batches on their way.
    indexer = on(world, Dying(world.vectors, 8, before=False))
    with suppress(StoreUnavailable):
        plan_job(indexer, PlanJob(job_id))
    assert world.vectors.has_collection(build.vector_collection)
    assert world.job(job_id).finished_at is None
    late = [
        world.extract(message) for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)
    ]
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, job_id)
    close_cancelled(world.indexer, CancelJob(job_id).job_id)
    for answer in late:
        index_batch(world.indexer, answer)
    job = world.job(job_id)
    assert (job.state, job.done) == (JobState.CANCELLED, job.total)
    assert job.finished_at is not None
    assert not world.vectors.has_collection(build.vector_collection)
    assert world.collection() == before
    check_whole(world)


def test_a_paused_build_stands_still_until_it_is_resumed(world: World) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex()
    with world.catalog.transaction() as tx:
        jobs.pause(tx, job_id)
    plan_job(world.indexer, PlanJob(job_id))
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.collection() == before
    with world.catalog.transaction() as tx:
        jobs.resume(tx, job_id)
    assert finish(world, job_id).state == JobState.SUCCEEDED
    check_whole(world)


def test_a_deleted_collection_takes_its_build_along(world: World) -> None:
    filled(world)
    collection = world.collection()
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    with world.catalog.transaction() as tx:
        build = builds.get(tx, job_id)
        collections.mark_deleting(tx, collection)
    assert build is not None
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.job(job_id).state == JobState.CANCELLED
    assert not world.vectors.has_collection(build.vector_collection)
    assert not world.vectors.has_collection(collection.vector_collection)
