"""Lists of jobs are restricted by state, collection and time, and read no more than that."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, jobs, names
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import Selection, rows, selection
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import JobState
from support.damage import damage_job
from support.plans import plan_of, rows_read
from support.records import NOON

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)


def submitted(catalog: Catalog, collection: str, at: datetime = NOON, state: JobState = JobState.RUNNING) -> str:
    """Return the id of a job that was submitted at a time."""
    wanted = jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory="/library")
    with catalog.transaction() as tx:
        home, _ = collections.create(tx, collection)
        jobs.create(tx, home.id, wanted)
    finished_at = NOON if state.has_ended else None
    damage_job(catalog, wanted.id, created_at=at, state=state.value, finished_at=finished_at)
    return wanted.id


def listed(catalog: Catalog, wanted: Selection) -> list[str]:
    with catalog.reading() as tx:
        return [job.id for job in jobs.newest(tx, limit=10, selection=wanted)]


def test_jobs_are_chosen_by_any_of_some_states(catalog: Catalog) -> None:
    ids = {state: submitted(catalog, "cats", state=state) for state in JobState}
    for states in (
        {JobState.FAILED},
        {JobState.RUNNING, JobState.PAUSED},
        {JobState.PLANNING, JobState.CANCELLED},
    ):
        assert set(listed(catalog, Selection(frozenset(states)))) == {ids[state] for state in states}


def test_jobs_are_chosen_by_the_name_or_alias_of_their_collection(catalog: Catalog) -> None:
    cats, _ = submitted(catalog, "cats"), submitted(catalog, "dogs")
    with catalog.transaction() as tx:
        names.put_alias(tx, "felines", collections.get(tx, "cats").id)
    assert listed(catalog, Selection(collection="cats")) == [cats]
    assert listed(catalog, Selection(collection="felines")) == [cats]
    assert listed(catalog, Selection(collection="birds")) == []


def test_a_time_begins_with_its_first_moment_and_ends_before_its_last(catalog: Catalog) -> None:
    ids = [submitted(catalog, "cats", NOON + hours * HOUR) for hours in range(4)]
    assert listed(catalog, Selection(created_after=NOON + HOUR)) == ids[:0:-1]
    assert listed(catalog, Selection(created_before=NOON + HOUR)) == ids[:1]
    assert listed(catalog, Selection(created_after=NOON + HOUR, created_before=NOON + 3 * HOUR)) == [
        ids[2],
        ids[1],
    ]
    assert listed(catalog, Selection(created_before=NOON)) == []
    assert listed(catalog, Selection(created_after=NOON + 4 * HOUR)) == []


def test_a_job_that_was_numbered_late_is_found_by_its_time(catalog: Catalog) -> None:
    late, early = submitted(catalog, "cats", NOON + HOUR), submitted(catalog, "cats", NOON)
    assert listed(catalog, Selection(created_before=NOON + HOUR)) == [early]
    assert listed(catalog, Selection(created_after=NOON + HOUR)) == [late]


_JOBS = """
INSERT INTO jobs (id, collection_id, origin, state, created_at, finished_at)
SELECT gen_random_uuid(), :collection_id, 'v2', CASE WHEN n = 5000 THEN 'failed' ELSE 'succeeded' END,
    :noon + n * interval '1 second', now()
FROM generate_series(1, 30000) AS n
"""


@pytest.mark.parametrize(
    "wanted",
    [
        Selection(created_before=NOON + timedelta(seconds=50)),
        Selection(created_after=NOON + timedelta(seconds=29_950)),
        Selection(frozenset({JobState.FAILED})),
        Selection(frozenset({JobState.RUNNING, JobState.PLANNING})),
    ],
    ids=["long ago", "just now", "seldom", "never"],
)
def test_a_list_reads_few_jobs_but_those_that_it_shows(
    catalog: Catalog, wanted: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "APART", 100)
    with catalog.transaction() as tx:
        made, _ = collections.create(tx, "library")
        tx.execute(sa.text(_JOBS), {"collection_id": made.id, "noon": NOON})
        tx.exec_driver_sql("ANALYZE jobs")
        plan = plan_of(tx, rows.newest_of(wanted, limit=10))
    assert max(rows_read(plan)) < 300
