from __future__ import annotations

from collections.abc import Callable

import pytest

from imagesearch.catalog.jobs import Job, decisions
from imagesearch.contract import JobKind, JobState
from support.records import NOON, job_record

OPEN = (JobState.PLANNING, JobState.RUNNING, JobState.PAUSED)
ENDED = (JobState.SUCCEEDED, JobState.COMPLETED_WITH_FAILURES, JobState.FAILED, JobState.CANCELLED)


def test_every_state_is_open_or_ended() -> None:
    assert {*OPEN, *ENDED} == set(JobState)
    assert [state for state in JobState if state.has_ended] == list(ENDED)
    assert [state for state in JobState if state.is_working] == [JobState.PLANNING, JobState.RUNNING]


@pytest.mark.parametrize(
    ("decide", "verb"),
    [
        (decisions.why_not_cancel, "cancel"),
        (decisions.why_not_pause, "pause"),
        (decisions.why_not_resume, "resume"),
    ],
)
def test_only_an_open_job_is_cancelled_paused_or_resumed(decide: Callable[[Job], str | None], verb: str) -> None:
    assert [decide(job_record(state=state)) for state in OPEN] == [None, None, None]
    assert [decide(job_record(state=state)) for state in ENDED] == [
        f"The job has ended as {state.value}; there is nothing to {verb}." for state in ENDED
    ]


@pytest.mark.parametrize(
    ("values", "is_abandoned", "reason"),
    [
        ({"state": JobState.RUNNING, "failed": 1}, False, "has ended"),
        ({"state": JobState.CANCELLED, "failed": 1}, False, "has ended"),
        ({"state": JobState.CANCELLED, "failed": 1, "finished_at": NOON}, False, "was cancelled"),
        ({"state": JobState.SUCCEEDED, "finished_at": NOON}, False, "Nothing failed"),
        ({"state": JobState.SUCCEEDED, "finished_at": NOON}, True, "Nothing failed"),
        ({"state": JobState.COMPLETED_WITH_FAILURES, "failed": 1, "finished_at": NOON}, True, "was dropped"),
        ({"state": JobState.COMPLETED_WITH_FAILURES, "failed": 1, "finished_at": NOON}, False, None),
        ({"state": JobState.FAILED, "error": "gone", "finished_at": NOON}, False, None),
    ],
)
def test_a_retry_wants_a_job_that_has_ended_and_something_that_failed(
    values: dict[str, object], is_abandoned: bool, reason: str | None
) -> None:
    found = decisions.why_not_reopen(job_record(**values), is_abandoned=is_abandoned)
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)


@pytest.mark.parametrize(
    ("values", "lists_again"),
    [
        ({"directory": "/library", "error": "gone"}, True),
        ({"directory": None, "manifest": "/library/list", "error": "gone"}, True),
        ({"directory": "/library", "error": None}, False),
        ({"directory": None, "kind": JobKind.REINDEX, "error": "refused"}, False),
    ],
)
def test_a_retry_reads_on_a_source_that_broke_off(values: dict[str, object], lists_again: bool) -> None:
    assert decisions.lists_again(job_record(**values)) is lists_again


@pytest.mark.parametrize(("planned_at", "state"), [(None, JobState.PLANNING), (NOON, JobState.RUNNING)])
def test_a_resumed_job_is_planned_first_where_that_has_not_ended(planned_at: object, state: JobState) -> None:
    assert decisions.after_resume(job_record(state=JobState.PAUSED, planned_at=planned_at)) is state


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (JobKind.INDEX, JobState.PLANNING, JobState.PLANNING),
        (JobKind.REINDEX, JobState.PLANNING, JobState.RUNNING),
        (JobKind.DUPLICATES, JobState.PLANNING, JobState.RUNNING),
        (JobKind.REINDEX, JobState.PAUSED, JobState.PAUSED),
    ],
)
def test_only_a_job_that_indexes_plans_on_behind_its_listing(
    kind: JobKind, before: JobState, after: JobState
) -> None:
    assert decisions.after_listing(job_record(kind=kind, state=before)) is after


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, JobState.SUCCEEDED),
        ({"indexed": 3, "unchanged": 2}, JobState.SUCCEEDED),
        ({"indexed": 3, "failed": 1}, JobState.COMPLETED_WITH_FAILURES),
        ({"failed": 1, "error": "the source is gone"}, JobState.FAILED),
        ({"error": "the source is gone"}, JobState.FAILED),
        ({"state": JobState.CANCELLED, "failed": 1}, JobState.CANCELLED),
        ({"state": JobState.CANCELLED, "error": "the source is gone"}, JobState.CANCELLED),
    ],
)
def test_a_job_ends_as_what_came_of_it(values: dict[str, object], state: JobState) -> None:
    assert decisions.final_state(job_record(**{"state": JobState.RUNNING, **values})) is state


@pytest.mark.parametrize(
    ("values", "is_given_up"),
    [
        ({"state": JobState.CANCELLED}, True),
        ({"state": JobState.RUNNING, "error": "refused"}, True),
        ({"state": JobState.RUNNING}, False),
        ({"state": JobState.PAUSED}, False),
    ],
)
def test_what_a_cancelled_or_failed_job_has_not_done_is_never_done(
    values: dict[str, object], is_given_up: bool
) -> None:
    assert decisions.is_given_up(job_record(**values)) is is_given_up
