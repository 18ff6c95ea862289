"""What there is to do is counted whether it waits in Postgres, in a queue or in a worker's hands."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import batches, leases, open_work
from imagesearch.catalog.jobs.open_work import OpenWork
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import JobState
from support.damage import damage_job

pytestmark = pytest.mark.integration

LEASE = timedelta(seconds=30)


def working_on(catalog: Catalog, number: int, state: JobState = JobState.RUNNING) -> str:
    """Return a job with so many batches, none of which has been sent."""
    wanted = jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory="/library")
    with catalog.transaction() as tx:
        collection, _ = collections.create(tx, "default")
        jobs.create(tx, collection.id, wanted)
        batches.create(tx, wanted.id, number)
    damage_job(catalog, wanted.id, state=state.value)
    return wanted.id


def counted(catalog: Catalog) -> OpenWork:
    with catalog.reading() as tx:
        return open_work.open_work(tx)


def test_a_batch_counts_from_the_ledger_on_until_its_outcome_is_written(catalog: Catalog) -> None:
    assert counted(catalog) == OpenWork(plan=0, extract=0, index=0)
    job_id = working_on(catalog, 5)
    assert counted(catalog) == OpenWork(plan=0, extract=5, index=0)
    with catalog.transaction() as tx:
        first, second = leases.lease_ready(tx, job_id, number=2, queue="extract", lease=LEASE)
    assert counted(catalog) == OpenWork(plan=0, extract=5, index=2)
    with catalog.transaction() as tx:
        batches.close(tx, first.id)
        batches.make_ready(tx, second.id, crashes=0)
    assert counted(catalog) == OpenWork(plan=0, extract=4, index=0)
    with catalog.transaction() as tx:
        jobs.pause(tx, job_id)
    assert counted(catalog) == OpenWork(plan=0, extract=0, index=0)


def test_jobs_that_are_listed_are_the_planners_work(catalog: Catalog) -> None:
    working_on(catalog, 0, state=JobState.PLANNING)
    assert counted(catalog) == OpenWork(plan=1, extract=0, index=0)


def test_counting_ends_where_no_autoscaler_goes(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_work, "MAX_BATCHES_OF_JOB", 4)
    monkeypatch.setattr(open_work, "MAX_COUNTED", 7)
    first = working_on(catalog, 20)
    assert counted(catalog).extract == 4
    with catalog.transaction() as tx:
        leases.lease_ready(tx, first, number=3, queue="extract", lease=LEASE)
    assert counted(catalog).index == 3
    working_on(catalog, 20)
    assert counted(catalog).extract == 7
