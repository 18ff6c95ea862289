"""What a list of jobs may be restricted to, and what is said of anything else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from imagesearch.catalog.jobs import Selection
from imagesearch.contract import JobState
from imagesearch_api.http.bodies import checked
from imagesearch_api.http.fields import BadFields
from imagesearch_api.models.requests.jobs import JobsQuery


def test_states_are_separated_by_commas_and_times_have_a_zone() -> None:
    raw = {"state": "running,paused", "collection": "cats", "created_after": "2025-05-01T12:00:00+02:00"}
    assert checked(JobsQuery, raw).selection() == Selection(
        frozenset({JobState.RUNNING, JobState.PAUSED}), "cats", datetime(2025, 5, 1, 10, tzinfo=UTC)
    )
    assert checked(JobsQuery, {}).selection() == Selection()


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"state": ""}, "state[0]"),
        ({"state": "running,walking"}, "state[1]"),
        ({"collection": "a b"}, "collection"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"created_before": "2025-05-01T12:00:00"}, "created_before"),
        ({"created_before": "1700000000"}, "created_before"),
        ({"created_before": "2025-05-01T12:00:00 02:00"}, "created_before"),
    ],
)
def test_the_parameter_that_is_wrong_is_named(raw: dict[str, Any], field: str) -> None:
    with pytest.raises(BadFields) as caught:
        checked(JobsQuery, raw)
    assert [name for name, _ in caught.value.fields] == [field]
