"""What follows from a batch that was settled, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch.contract import JobKind, JobState
from imagesearch.failures import FailureCode
from imagesearch_indexer.batches import is_dropped, left_out, waits_for_planner
from support.records import NOON, answer_record, collection_record, job_record


@pytest.mark.parametrize(
    ("job_state", "collection_state", "dropped"),
    [
        (JobState.RUNNING, "active", False),
        (JobState.PLANNING, "active", False),
        (JobState.PAUSED, "active", False),
        (JobState.CANCELLED, "active", True),
        (JobState.RUNNING, "deleting", True),
        (JobState.RUNNING, "deleted", True),
    ],
)
def test_a_batch_is_written_unless_its_job_or_its_collection_is_given_up(
    job_state: JobState, collection_state: str, dropped: bool
) -> None:
    assert is_dropped(job_record(state=job_state), collection_record(state=collection_state)) is dropped


@pytest.mark.parametrize(
    ("values", "asks"),
    [
        pytest.param({"kind": JobKind.REINDEX, "indexed": 2}, True, id="a build with nothing on its way"),
        pytest.param({"kind": JobKind.REINDEX, "indexed": 1}, False, id="a build with more on its way"),
        pytest.param(
            {"kind": JobKind.REINDEX, "indexed": 1, "error": "refused"}, True, id="a build that was refused"
        ),
        pytest.param(
            {"kind": JobKind.REINDEX, "indexed": 2, "state": JobState.PLANNING}, True, id="a build resumed"
        ),
        pytest.param(
            {"kind": JobKind.REINDEX, "indexed": 2, "state": JobState.PAUSED}, False, id="a build paused"
        ),
        pytest.param({"kind": JobKind.REINDEX, "indexed": 2, "planned_at": NOON}, False, id="a build switched to"),
        pytest.param({"kind": JobKind.DUPLICATES, "indexed": 2}, True, id="a search for duplicates"),
        pytest.param(
            {"kind": JobKind.INDEX, "indexed": 2, "state": JobState.PLANNING}, False, id="a source being listed"
        ),
        pytest.param(
            {"kind": JobKind.INDEX, "indexed": 2, "planned_at": NOON}, False, id="a source that was listed"
        ),
    ],
)
def test_only_a_job_that_nobody_plans_any_more_asks_for_planning(values: dict[str, object], asks: bool) -> None:
    assert waits_for_planner(job_record(**{"state": JobState.RUNNING, "total": 2, **values})) is asks


def test_a_picture_is_left_out_of_an_answer_that_speaks_of_it_nowhere() -> None:
    message = answer_record(extracted=(1,), unchanged=(2,), failed={3: FailureCode.EMPTY})
    assert left_out({1, 2, 3}, message) == set()
    assert left_out({1, 2, 3, 4, 5}, message) == {4, 5}
