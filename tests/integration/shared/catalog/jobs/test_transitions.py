"""A job changes its state in named ways only, each from the states that it may leave in that way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import pytest

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.catalog.jobs import Job, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import FailureCode, JobKind, JobState, Outcome
from imagesearch.errors import Conflict, NotFound
from support.damage import damage_job
from support.records import NOON

pytestmark = pytest.mark.integration

PLANNING, RUNNING, PAUSED, CANCELLED = JobState.PLANNING, JobState.RUNNING, JobState.PAUSED, JobState.CANCELLED
ENDED = (JobState.SUCCEEDED, JobState.COMPLETED_WITH_FAILURES, JobState.FAILED)


def submitted(
    catalog: Catalog, state: JobState = PLANNING, kind: JobKind = JobKind.INDEX, **values: object
) -> Job:
    """Return a job of the collection `default` in any state."""
    wanted = jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory="/library", kind=kind)
    with catalog.transaction() as tx:
        collection, _ = collections.create(tx, "default")
        jobs.create(tx, collection.id, wanted)
    finished_at = NOON if state in ENDED else None
    damage_job(catalog, wanted.id, **{"state": state.value, "finished_at": finished_at, **values})
    with catalog.transaction() as tx:
        return jobs.get(tx, wanted.id)


def finish(tx: Transaction, job_id: str) -> Job:
    return jobs.finish(tx, job_id)[0]


def moved(catalog: Catalog, job: Job, move: Callable[[Transaction, str], Job]) -> JobState | type[Conflict]:
    """Return the state that a move leads to; check that the revision moves with each change, and only then."""
    try:
        with catalog.transaction() as tx:
            after = move(tx, job.id)
    except Conflict:
        return Conflict
    with catalog.transaction() as tx:
        assert jobs.get(tx, job.id) == after
    assert after.revision == job.revision + (after != job)
    return after.state


@pytest.mark.parametrize(
    ("move", "leaves"),
    [
        (jobs.cancel, {PLANNING: CANCELLED, RUNNING: CANCELLED, PAUSED: CANCELLED, CANCELLED: CANCELLED}),
        (jobs.pause, {PLANNING: PAUSED, RUNNING: PAUSED, PAUSED: PAUSED}),
        (jobs.resume, {PLANNING: PLANNING, RUNNING: RUNNING, PAUSED: PLANNING}),
        (jobs.reopen, dict.fromkeys((JobState.COMPLETED_WITH_FAILURES, JobState.FAILED), PLANNING)),
    ],
)
def test_what_people_ask_for_is_refused_where_the_state_does_not_allow_it(
    catalog: Catalog, move: Callable[[Transaction, str], Job], leaves: Mapping[JobState, JobState]
) -> None:
    for state in JobState:
        error = "gone" if state == JobState.FAILED else None
        failed = 1 if state == JobState.COMPLETED_WITH_FAILURES else 0
        job = submitted(catalog, state, failed=failed, total=failed, error=error)
        assert moved(catalog, job, move) == leaves.get(state, Conflict), state


@pytest.mark.parametrize(
    ("move", "leaves"),
    [
        (partial(jobs.reached, cursor="b.jpg"), {}),
        (jobs.listed, {}),
        (jobs.planned, {PLANNING: RUNNING}),
        (partial(jobs.break_off, reason="gone"), {PLANNING: RUNNING}),
        (partial(jobs.fail, reason="refused"), {}),
        (jobs.close_listing, {}),
        (jobs.stalled, {}),
    ],
)
def test_what_the_indexer_records_brings_no_stopped_job_back(
    catalog: Catalog, move: Callable[[Transaction, str], Job], leaves: Mapping[JobState, JobState]
) -> None:
    for state in JobState:
        assert moved(catalog, submitted(catalog, state), move) == leaves.get(state, state), state


@pytest.mark.parametrize(
    ("move", "column", "states"),
    [
        (partial(jobs.reached, cursor="b.jpg"), "planned_up_to", {PLANNING, RUNNING, PAUSED}),
        (jobs.listed, "listed_at", {PLANNING, RUNNING, PAUSED}),
        (jobs.planned, "planned_at", {PLANNING, RUNNING}),
        (partial(jobs.break_off, reason="gone"), "error", {PLANNING}),
        (partial(jobs.fail, reason="refused"), "error", {PLANNING, RUNNING, PAUSED}),
        (jobs.close_listing, "planned_at", {CANCELLED}),
        (jobs.stalled, "stalled_at", {PLANNING, RUNNING}),
    ],
)
def test_the_indexer_records_only_what_still_matters(
    catalog: Catalog, move: Callable[[Transaction, str], Job], column: str, states: set[JobState]
) -> None:
    recorded = set()
    for state in JobState:
        job = submitted(catalog, state)
        with catalog.transaction() as tx:
            if getattr(move(tx, job.id), column) is not None:
                recorded.add(state)
    assert recorded == states


def test_a_job_that_does_not_index_runs_once_it_is_listed(catalog: Catalog) -> None:
    assert moved(catalog, submitted(catalog, PLANNING, JobKind.DUPLICATES), jobs.listed) == RUNNING


def test_a_planned_job_runs_on_when_it_is_resumed(catalog: Catalog) -> None:
    assert moved(catalog, submitted(catalog, PAUSED, planned_at=NOON), jobs.resume) == RUNNING


def test_a_retry_makes_failed_paths_unplanned_again_and_reads_a_broken_source_on(catalog: Catalog) -> None:
    job = submitted(catalog, JobState.FAILED, error="gone", total=2, failed=2, listed_at=NOON, planned_at=NOON)
    invalid = Item("list:1", outcome=Outcome.FAILED, code=FailureCode.INVALID_LINE, reason="no line")
    failed = Item("/library/a.jpg", outcome=Outcome.FAILED, code=FailureCode.VANISHED, reason="gone")
    with catalog.transaction() as tx:
        ledger.record(tx, job.id, [invalid, failed])
        job = jobs.reopen(tx, job.id)
        assert ledger.unplanned(tx, job.id, limit=5) == ["/library/a.jpg"]
    assert (job.state, job.failed, job.error) == (PLANNING, 1, None)
    assert (job.listed_at, job.planned_at, job.finished_at) == (None, None, None)


def test_what_was_dropped_is_not_retried(catalog: Catalog) -> None:
    job = submitted(catalog, JobState.FAILED, error="refused")
    with pytest.raises(Conflict, match="dropped"), catalog.transaction() as tx:
        jobs.reopen(tx, job.id, is_abandoned=True)


def test_a_job_ends_only_when_it_is_settled_and_only_once(catalog: Catalog) -> None:
    open_job = submitted(catalog, RUNNING, planned_at=NOON, total=2, indexed=1)
    assert moved(catalog, open_job, finish) == RUNNING
    settled = submitted(catalog, RUNNING, planned_at=NOON, total=2, indexed=1, failed=1, stalled_at=NOON)
    assert moved(catalog, settled, finish) == JobState.COMPLETED_WITH_FAILURES
    with catalog.transaction() as tx:
        ended = jobs.get(tx, settled.id)
        assert (ended.finished_at is not None, ended.stalled_at) == (True, None)
        assert jobs.finish(tx, settled.id) == (ended, False)


@pytest.mark.parametrize("move", [jobs.cancel, jobs.pause])
@pytest.mark.parametrize("error", [None, "the source vanished"])
def test_a_job_that_is_settled_is_not_stopped_behind_its_last_step(
    catalog: Catalog, move: Callable[[Transaction, str], Job], error: str | None
) -> None:
    settled = submitted(catalog, RUNNING, planned_at=NOON, total=2, indexed=2, error=error)
    assert moved(catalog, settled, move) is Conflict
    with catalog.transaction() as tx:
        assert jobs.cancel_some(tx, settled.collection_id, behind=0, limit=10) == []
        assert jobs.get(tx, settled.id) == settled
    ended = JobState.FAILED if error else JobState.SUCCEEDED
    assert moved(catalog, settled, finish) == ended
    assert moved(catalog, submitted(catalog, RUNNING, planned_at=NOON, total=2, indexed=1), move) is not Conflict


def test_an_end_that_waits_for_a_cancel_does_not_overwrite_it_nor_the_other_way_round(catalog: Catalog) -> None:
    job = submitted(catalog, RUNNING, planned_at=NOON, total=1, indexed=1)

    def stop_it(move: Callable[[Transaction, str], Job]) -> JobState | type[Conflict]:
        try:
            with catalog.transaction() as late:
                return move(late, job.id).state
        except Conflict:
            return Conflict

    with ThreadPoolExecutor() as threads:
        with catalog.transaction() as tx:
            jobs.finish(tx, job.id, seen=job)
            waiting = [threads.submit(stop_it, move) for move in (jobs.cancel, jobs.pause)]
        assert [future.result() for future in waiting] == [Conflict, Conflict]
    with catalog.transaction() as tx:
        assert jobs.get(tx, job.id).state == JobState.SUCCEEDED


def test_the_open_jobs_of_one_collection_are_cancelled_some_at_a_time(catalog: Catalog) -> None:
    here = [submitted(catalog, state) for state in JobState]
    with catalog.transaction() as tx:
        other, _ = collections.create(tx, "other")
        elsewhere = jobs.create(
            tx, other.id, jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory="/library")
        )
        cancelled = jobs.cancel_some(tx, here[0].collection_id, behind=0, limit=2)
        assert len(cancelled) == 2
        cancelled += jobs.cancel_some(tx, here[0].collection_id, behind=cancelled[-1].number, limit=2)
        assert jobs.get(tx, elsewhere.id) == elsewhere
    assert [job.id for job in cancelled] == [job.id for job in here if job.state in (PLANNING, RUNNING, PAUSED)]
    assert {job.state for job in cancelled} == {CANCELLED}
    assert [job.revision for job in cancelled] == [2, 2, 2]


def test_a_cancel_that_is_waited_for_is_not_overwritten(catalog: Catalog) -> None:
    job = submitted(catalog, PLANNING, JobKind.DUPLICATES)

    def list_it() -> Job:
        with catalog.transaction() as late:
            return jobs.listed(late, job.id)

    with ThreadPoolExecutor() as threads:
        with catalog.transaction() as tx:
            jobs.cancel(tx, job.id)
            listing = threads.submit(list_it)
        assert listing.result().state == CANCELLED


@pytest.mark.parametrize("move", [jobs.cancel, jobs.listed, jobs.finish])
def test_a_job_that_is_not_there_is_not_moved(catalog: Catalog, move: Callable[[Transaction, str], Job]) -> None:
    with pytest.raises(NotFound), catalog.transaction() as tx:
        move(tx, str(uuid4()))
