"""A job is closed once: what comes late finds it as it is now."""

from __future__ import annotations

import pytest

from imagesearch.catalog import jobs
from imagesearch.contract import JobState, PlanJob
from imagesearch.metrics import JOBS_ENDED
from imagesearch_indexer import batches
from imagesearch_indexer.lifecycle import finish
from imagesearch_indexer.tasks import plan_job
from support.world import World

pytestmark = pytest.mark.integration


def test_a_closing_that_comes_late_takes_nothing_from_a_job_that_was_retried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("a.jpg")
    job_id = world.submit(world.root)
    plan_job(world.indexer, PlanJob(job_id))
    with world.catalog.transaction() as tx:
        jobs.fail(tx, job_id, "refused")
    seen = world.job(job_id)
    finish.end_or_give_up(world.indexer, job_id)
    assert world.job(job_id).state == JobState.FAILED
    with world.catalog.transaction() as tx:
        jobs.reopen(tx, job_id)
    world.write("b.jpg")
    world.outbox.clear()
    world.plan(job_id)
    with monkeypatch.context() as patch:
        # Another worker read the job before it had ended, and goes on only now.
        patch.setattr(finish.jobs, "get", lambda *_: seen)
        finish.end_or_give_up(world.indexer, job_id)
    world.work()
    assert world.outcomes(job_id)["b.jpg"] == "indexed"
    world.check()


def test_a_job_that_two_workers_end_is_counted_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write("a.jpg")
    with monkeypatch.context() as patch:
        # Nobody ends it yet: the message about its batch is delivered twice, and both have seen it settled.
        patch.setattr(batches, "end_settled", lambda *_: None)
        job = world.run(world.root)
    assert job.all_settled
    assert job.finished_at is None
    counted = JOBS_ENDED.labels("index", "succeeded")._value
    before = counted.get()
    for _ in range(2):
        finish.end_settled(world.indexer, job, world.collection())
    assert world.job(job.id).state == JobState.SUCCEEDED
    assert counted.get() == before + 1
