"""Which jobs prune, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch.contract import JobState
from imagesearch_indexer.ingest.prune import may_prune
from support.records import job_record


@pytest.mark.parametrize(
    ("values", "prunes"),
    [
        ({"prune": True}, True),
        ({"prune": False}, False),
        ({"prune": True, "state": JobState.CANCELLED}, False),
        ({"prune": True, "error": "The source cannot be read any more."}, False),
    ],
)
def test_a_job_prunes_where_it_was_asked_to_and_has_seen_everything(
    values: dict[str, object], prunes: bool
) -> None:
    assert may_prune(job_record(**{"state": JobState.RUNNING, **values})) is prunes
