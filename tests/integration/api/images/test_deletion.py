"""A deletion takes its time and no more: by filter it goes on where it ended, and jobs are left to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from imagesearch.access.tenants import NOBODY
from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.states import ImageState, JobOrigin
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import CancelJob, JobState
from imagesearch.errors import QueryTimeout
from imagesearch.vectors import Filter, matches, parse_filter
from imagesearch.wire import Message
from imagesearch_api.images import collection_deletion, deletion
from imagesearch_api.images.collection_deletion import delete_collection
from imagesearch_api.images.deletion import SLICE, Deletes, delete_matching

pytestmark = pytest.mark.integration

COUNT = 2 * SLICE + SLICE // 2


@pytest.fixture
def ports(catalog: Catalog) -> Deletes:
    """A catalogue of many images, and an indexer that answers nobody."""
    with catalog.transaction() as tx:
        collection, _ = collections.create(tx, "many")
        images.ensure_rows(tx, collection.id, [f"/{n:04}" for n in range(COUNT)], "", {})
        tx.execute(sa.update(image_table).values(state="indexed", vector_key=image_table.c.id, sha256="0" * 64))
        last = sa.select(sa.func.max(image_table.c.id)).scalar_subquery()
        tx.execute(sa.update(image_table).where(image_table.c.id == last).values(metadata={"old": True}))

    def ask(*_: Any) -> None:
        raise QueryTimeout("nobody answers")

    return Deletes(catalog, lambda *_: None, ask, timeout=0)


def test_what_is_left_when_the_time_is_up_is_deleted_by_asking_again(ports: Deletes) -> None:
    first = delete_matching(ports, "many", None, "", NOBODY)
    assert first.deleted == SLICE
    assert first.next is not None
    second = delete_matching(ports, "many", None, "", NOBODY, after=first.next)
    assert second.next is not None
    third = delete_matching(ports, "many", None, "", NOBODY, after=second.next)
    assert (second.deleted, third.deleted, third.next) == (SLICE, COUNT - 2 * SLICE, None)


@pytest.mark.parametrize("partition", [None, ""], ids=["filter", "partition and filter"])
def test_an_image_that_is_changed_before_it_is_locked_and_matches_no_more_stays(
    ports: Deletes, partition: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = parse_filter({"exists": "old"})
    with ports.catalog.reading() as tx:
        last = tx.execute(sa.select(sa.func.max(image_table.c.id))).scalar_one()

    def change_behind(condition: Filter, metadata: Mapping[str, Any]) -> bool:
        monkeypatch.undo()
        with ports.catalog.transaction() as tx:
            new = ("", {}) if partition is None else ("another", metadata)
            images.put_labels(tx, last, *new)
        return matches(condition, metadata)

    monkeypatch.setattr(deletion, "matches", change_behind)
    assert delete_matching(ports, "many", where, partition, NOBODY, after=last - 1).deleted == 0
    with ports.catalog.reading() as tx:
        assert images.get(tx, last).state == ImageState.INDEXED


def test_a_filter_that_matches_rarely_gets_to_the_end(ports: Deletes) -> None:
    where = parse_filter({"exists": "old"})
    found, after = [], 0
    for _ in range(3):
        done = delete_matching(ports, "many", where, None, NOBODY, after=after)
        found.append(done.deleted)
        after = done.next or 0
    assert found == [0, 0, 1]
    assert after == 0
    assert delete_matching(ports, "many", where, None, NOBODY).next is not None


@pytest.mark.parametrize(("timeout", "expected"), [(600.0, 5), (0.0, 2)])
def test_jobs_of_a_deleted_collection_are_cancelled_some_at_a_time(
    ports: Deletes, monkeypatch: pytest.MonkeyPatch, timeout: float, expected: int
) -> None:
    monkeypatch.setattr(collection_deletion, "CANCELLED_AT_ONCE", 2)
    announced: list[Message] = []
    with ports.catalog.transaction() as tx:
        collection = collections.get(tx, "many")
        made = [
            jobs.create(tx, collection.id, jobs.NewJob(str(uuid4()), JobOrigin.V2, directory="/"))
            for _ in range(5)
        ]
    patient = replace(ports, timeout=timeout, send=lambda _, message, __: announced.append(message))
    assert not delete_collection(patient, "many", NOBODY)
    with ports.catalog.reading() as tx:
        cancelled = [job.id for job in made if jobs.get(tx, job.id).state == JobState.CANCELLED]
    assert announced == [CancelJob(job_id) for job_id in cancelled]
    assert len(cancelled) == expected
