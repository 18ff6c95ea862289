"""Make records of the catalogue without a catalogue, for tests of the decisions that are made from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from imagesearch.catalog.jobs import INDEX, Job
from imagesearch.contract import JobState

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_NEW = Job(
    id="00000000-0000-0000-0000-000000000001",
    number=1,
    collection_id=1,
    collection="default",
    origin="v2",
    kind=INDEX,
    options=None,
    directory="/library",
    manifest=None,
    recursive=True,
    partition=None,
    metadata=None,
    prune=False,
    state=JobState.PLANNING,
    error=None,
    total=0,
    indexed=0,
    unchanged=0,
    failed=0,
    cancelled=0,
    removed=0,
    rate=None,
    revision=0,
    planned_up_to=None,
    listed_at=None,
    planned_at=None,
    created_at=NOON,
    started_at=None,
    progressed_at=NOON,
    stalled_at=None,
    finished_at=None,
    request_sha256=None,
)


def job_record(**values: object) -> Job:
    """Return a job of a directory that was submitted at noon, but for these values."""
    return replace(_NEW, **values)  # type: ignore[arg-type]
