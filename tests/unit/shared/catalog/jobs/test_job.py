from __future__ import annotations

import pytest

from imagesearch.catalog.labels import Labels
from imagesearch.contract import JobKind, JobState, Outcome
from support.records import NOON, job_record


@pytest.mark.parametrize(
    ("values", "all_settled"),
    [
        ({"state": JobState.RUNNING, "planned_at": NOON}, True),
        ({"state": JobState.RUNNING, "planned_at": NOON, "total": 2, "indexed": 1, "failed": 1}, True),
        ({"state": JobState.RUNNING, "planned_at": NOON, "total": 2, "indexed": 1}, False),
        ({"state": JobState.RUNNING, "planned_at": None, "total": 1, "indexed": 1}, False),
        ({"state": JobState.CANCELLED, "planned_at": None, "total": 1, "cancelled": 1}, False),
        ({"state": JobState.CANCELLED, "planned_at": NOON, "total": 1, "cancelled": 1}, True),
        ({"state": JobState.CANCELLED, "planned_at": NOON, "total": 2, "cancelled": 1}, False),
    ],
)
def test_a_job_is_settled_when_no_path_is_open_and_none_will_come(
    values: dict[str, object], all_settled: bool
) -> None:
    assert job_record(**values).all_settled is all_settled


@pytest.mark.parametrize(
    ("kind", "state", "planned_at", "needs_planner"),
    [
        (JobKind.INDEX, JobState.PLANNING, None, True),
        (JobKind.INDEX, JobState.RUNNING, NOON, False),
        (JobKind.INDEX, JobState.RUNNING, None, False),
        (JobKind.REINDEX, JobState.RUNNING, None, True),
        (JobKind.DUPLICATES, JobState.RUNNING, None, True),
        (JobKind.REINDEX, JobState.RUNNING, NOON, False),
        (JobKind.REINDEX, JobState.PAUSED, None, False),
        (JobKind.REINDEX, JobState.CANCELLED, None, False),
    ],
)
def test_a_job_needs_its_planner_while_nothing_else_moves_it(
    kind: JobKind, state: JobState, planned_at: object, needs_planner: bool
) -> None:
    assert job_record(kind=kind, state=state, planned_at=planned_at).needs_planner is needs_planner


def test_outcomes_of_a_job_leave_out_what_never_happened() -> None:
    job = job_record(total=4, indexed=2, cancelled=2)
    assert (job.done, job.outcomes) == (4, {Outcome.INDEXED: 2, Outcome.CANCELLED: 2})


def test_empty_metadata_of_a_job_gives_none_to_its_pictures() -> None:
    assert job_record(partition="anna", metadata={}).labels == Labels("anna", None)
    assert Labels(metadata={}).over(job_record(partition="anna", metadata={"a": 1}).labels) == Labels("anna", {})
