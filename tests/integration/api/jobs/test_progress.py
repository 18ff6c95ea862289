"""What is shown of a job: its report in the result backend while it runs, Postgres once it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from imagesearch.access.tenants import NOBODY
from imagesearch.catalog import names
from imagesearch.contract import JobState
from imagesearch.errors import NotFound, StoreUnavailable
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.jobs.progress import follow
from support.api_twin import services_of
from support.world import World

pytestmark = pytest.mark.integration


class Away:
    """A catalogue that does not answer."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        raise StoreUnavailable("postgres", "down in this test")
        yield


def ports(world: World, catalog: Any = None) -> Jobs:
    return services_of(catalog=catalog or world.catalog, progress=world.progress).jobs


def rename(world: World, name: str) -> None:
    with world.catalog.transaction() as tx:
        names.rename(tx, world.collection().id, name)


def test_an_ended_job_shows_the_name_that_its_collection_has_now(world: World) -> None:
    world.write("a.jpg")
    job = world.run(world.root)
    assert follow(ports(world), job.id, NOBODY).collection == "default"
    rename(world, "cats")
    shown = follow(ports(world), job.id, NOBODY)
    assert (shown.collection, shown.state, shown.indexed) == ("cats", JobState.SUCCEEDED, 1)


def test_an_ended_job_is_shown_from_its_report_while_postgres_is_away(world: World) -> None:
    world.write("a.jpg")
    job = world.run(world.root)
    assert follow(ports(world, Away()), job.id, NOBODY).state == JobState.SUCCEEDED
    with pytest.raises(StoreUnavailable):
        follow(ports(world, Away()), str(uuid4()), NOBODY)


def test_a_running_job_is_read_without_postgres_while_its_report_is_new(world: World) -> None:
    world.write("a.jpg")
    job_id = world.submit(world.root)
    world.plan(job_id)
    assert follow(ports(world, Away()), job_id, NOBODY).total == 1
    report = world.progress.read(job_id)
    assert report is not None
    seconds = [0.0]
    board = InMemoryProgressBoard(clock=lambda: seconds[0])
    board.publish(replace(report, total=7))
    shown = services_of(catalog=world.catalog, progress=board).jobs
    assert follow(shown, job_id, NOBODY).total == 7
    seconds[0] = 60.0
    assert follow(shown, job_id, NOBODY).total == 1, "Postgres is asked when a report is old"


def test_a_job_that_is_gone_is_not_shown_from_what_it_left(world: World) -> None:
    world.write("a.jpg")
    report = world.run(world.root).progress()
    other = str(uuid4())
    world.progress.publish(replace(report, job_id=other))
    with pytest.raises(NotFound):
        follow(ports(world), other, NOBODY)
