"""A reindex that somebody stops, also in the moment of its switch, is stopped, and its index not switched to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest

from imagesearch.access.tenants import NOBODY, Owner
from imagesearch.catalog import collections, jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import Job
from imagesearch.catalog.reindex import builds
from imagesearch.contract import CancelJob, ExtractBatch, JobState, PlanJob, Reconcile, TaskName
from imagesearch.errors import Conflict, StoreUnavailable
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors import VectorStore
from imagesearch_api.jobs import control
from imagesearch_api.jobs.ports import Jobs
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.reindex import builder
from imagesearch_indexer.tasks import plan_job
from support.api_twin import services_of
from support.dying import Before, Dying, EachTime
from support.reindexing import (
    SMOOTH,
    check_whole,
    filled,
    finish,
    is_somebody_waiting,
    on,
)
from support.waiting import until
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


@pytest.mark.parametrize("stop", [control.cancel, control.pause])
def test_a_job_whose_switch_is_done_is_stopped_no_more(
    world: World, stop: Callable[[Jobs, str, Owner], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex()

    def die(*_: object) -> None:
        raise StoreUnavailable("postgres", "killed in this test")

    # The process dies between the switch and the recording of the end.
    with monkeypatch.context() as patch:
        patch.setattr(builder, "end_or_give_up", die)
        with pytest.raises(StoreUnavailable):
            plan_job(world.indexer, PlanJob(job_id))
    assert world.collection() != before
    ports = services_of(catalog=world.catalog, progress=world.progress, send=world.indexer.send).jobs
    with pytest.raises(Conflict, match="about to end"):
        stop(ports, job_id, NOBODY)
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert world.job(job_id).state == JobState.SUCCEEDED
    check_whole(world)


class Latest:
    """The store that a test put last in front of the real one."""

    def __init__(self, first: Any) -> None:
        self.store = first

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def written_meanwhile(world: World, number: int, action: Callable[[], None]) -> Latest:
    """Return a store for a build: pictures come while it is built, and an action precedes their copies."""

    def write() -> None:
        world.write(*(f"new{index}.jpg" for index in range(number)))
        world.run(world.root)
        latest.store = Before(world.vectors, "upsert", action)

    latest = Latest(Before(world.vectors, "compact", write))
    return latest


@pytest.mark.parametrize(
    ("stop", "state"), [(jobs.cancel, JobState.CANCELLED), (jobs.pause, JobState.PAUSED)], ids=["cancel", "pause"]
)
def test_a_stop_while_a_build_catches_up_is_not_overwritten(
    world: World, stop: Callable[[Transaction, str], Job], state: JobState
) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex()

    def stop_it() -> None:
        with world.catalog.transaction() as tx:
            stop(tx, job_id)

    # Too many for the last round.
    plan_job(on(world, written_meanwhile(world, world.settings.plan_slice, stop_it)), PlanJob(job_id))
    assert world.job(job_id).state == state
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert (world.job(job_id).state, world.collection()) == (state, before)
    assert world.states()["new0.jpg"] == "indexed"


@pytest.mark.parametrize("stop", [jobs.cancel, jobs.pause])
def test_a_stop_that_waits_for_the_last_round_is_refused_behind_the_switch(
    world: World, stop: Callable[[Transaction, str], Job]
) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex()

    def stop_it() -> JobState:
        with world.catalog.transaction() as tx:
            return stop(tx, job_id).state

    with ThreadPoolExecutor(1) as threads:
        waiting: list[Future[JobState]] = []

        def begin_to_stop() -> None:
            waiting.append(threads.submit(stop_it))
            until(lambda: is_somebody_waiting(world))

        plan_job(on(world, written_meanwhile(world, 1, begin_to_stop)), PlanJob(job_id))
        with pytest.raises(Conflict):
            waiting[0].result()
    assert world.job(job_id).state == JobState.SUCCEEDED
    assert world.collection() != before
    check_whole(world)


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
