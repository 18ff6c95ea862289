"""Whoever asked for it is told of a job's end: when it is committed, signed, and again until somebody listens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import SplitResult

import pytest
import redis
import sqlalchemy as sa

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import callbacks
from imagesearch.catalog.jobs.callbacks import Callback
from imagesearch.catalog.states import CallbackState
from imagesearch.catalog.tables import callbacks as table
from imagesearch.contract import JobState
from imagesearch.messaging.claims import InFlight
from imagesearch.outgoing.connection import Dialler
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_indexer.callbacks.delivery import Delivery
from imagesearch_indexer.callbacks.secrets import Secrets
from imagesearch_indexer.callbacks.signature import headers_of
from imagesearch_indexer.settings import IndexerSettings
from support.world import World

pytestmark = pytest.mark.integration

URL = "https://hooks.example/jobs?token=1"
SECRET = b"a-secret-of-at-least-24-bytes"
Answer = Callable[[], int]


@pytest.fixture
def world(catalog: Catalog, client: redis.Redis, pictures: Path) -> World:
    """An indexer without Milvus: nothing here is about vectors."""
    settings = IndexerSettings(batch_size=4, window=3, plan_slice=10, lease_seconds=60)
    return World(catalog, InMemoryVectorStore(), InFlight(client), pictures, settings)


@dataclass
class Receiver:
    """Somebody who is told, and answers what the test says; the last answer stays."""

    answers: list[int | Exception]
    seen: list[SimpleNamespace] = field(default_factory=list)

    @contextmanager
    def answer(
        self, target: SplitResult, deadline: float, *, method: str, headers: dict[str, str], body: bytes
    ) -> Iterator[SimpleNamespace]:
        self.seen.append(SimpleNamespace(url=target.geturl(), method=method, headers=headers, body=body))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Exception):
            raise said
        yield SimpleNamespace(status=said)


def delivery(world: World, receiver: Receiver, folder: Path, **changes: Any) -> Delivery:
    (folder / "default").write_bytes(SECRET)
    secrets = Secrets({"hooks.example": "default", "slow.example": "default"}, folder)
    options = {"timeout": 10.0, "patience": timedelta(hours=24), "jitter": lambda: 1.0, **changes}
    return Delivery(world.catalog, cast(Dialler, receiver), secrets, **options)


def ended(world: World, url: str | None = URL, *, name: str = "a.jpg") -> jobs.Job:
    """Return a job that has ended, and is to be told of."""
    world.write(name)
    return world.run(world.root, callback_url=url)


def kept(world: World, job: jobs.Job) -> list[Callback]:
    with world.catalog.reading() as tx:
        return callbacks.of_job(tx, job.id, after=0, limit=10)


def pass_time(catalog: Catalog, by: timedelta) -> None:
    """Make what is kept so much older."""
    moved = {name: table.c[name] - by for name in ("created_at", "due_at", "leased_until")}
    with catalog.transaction() as tx:
        tx.execute(sa.update(table).values(**moved))


def statuses(world: World, callback: Callback) -> list[int | None]:
    with world.catalog.reading() as tx:
        return [attempt.status for attempt in callbacks.attempts(tx, [callback.id]).get(callback.id, [])]


def test_the_end_of_a_job_is_told_once_and_signed(world: World, tmp_path: Path) -> None:
    job, receiver = ended(world), Receiver([204])
    courier = delivery(world, receiver, tmp_path)
    assert courier.deliver_next()
    assert not courier.deliver_next()
    [told], [callback] = receiver.seen, kept(world, job)
    assert (told.method, told.url) == ("POST", URL)
    event = json.loads(told.body)
    assert event["type"] == "job.ended"
    assert event["data"].items() >= {"id": job.id, "state": "succeeded", "total": 1, "indexed": 1}.items()
    assert event["timestamp"] == event["data"]["finished_at"]
    timestamp = int(told.headers["webhook-timestamp"])
    assert told.headers.items() >= headers_of(callback.event_id, timestamp, told.body, [SECRET]).items()
    assert (callback.state, statuses(world, callback)) == (CallbackState.DELIVERED, [204])


def test_a_job_that_nobody_asked_to_be_told_of_is_told_to_nobody(world: World, tmp_path: Path) -> None:
    assert kept(world, ended(world, None)) == []
    assert not delivery(world, Receiver([200]), tmp_path).deliver_next()


def test_nobody_is_told_of_an_end_that_is_not_committed(world: World) -> None:
    world.write("a.jpg")
    job_id = world.submit(world.root, callback_url=URL)
    world.plan(job_id)
    world.work()
    with world.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
    assert (job.state, len(kept(world, job))) == (JobState.SUCCEEDED, 1)
    with world.catalog.transaction() as tx:
        jobs.finish(tx, job_id)
    assert len(kept(world, job)) == 1, "it has ended before"


def test_a_receiver_that_fails_is_told_again_later_and_later_with_the_same_id(
    world: World, tmp_path: Path
) -> None:
    job, receiver = ended(world), Receiver([500, OSError("reset"), 302, 200])
    courier = delivery(world, receiver, tmp_path)
    delays = []
    for _ in range(3):
        assert courier.deliver_next()
        assert not courier.deliver_next(), "it is not due yet"
        [callback] = kept(world, job)
        with world.catalog.reading() as tx:
            left = tx.execute(sa.select(table.c.due_at - sa.func.now())).scalar_one()
        delays.append(round(left.total_seconds(), -1))
        assert callback.state == CallbackState.WAITING
        pass_time(world.catalog, left)
    assert delays == [10, 20, 40]
    assert courier.deliver_next()
    [callback] = kept(world, job)
    assert callback.state == CallbackState.DELIVERED
    assert statuses(world, callback) == [500, None, 302, 200]
    assert {told.headers["webhook-id"] for told in receiver.seen} == {callback.event_id}


def test_an_attempt_that_was_killed_is_made_again_after_its_lease(world: World, tmp_path: Path) -> None:
    job, receiver = ended(world), Receiver([200])
    courier = delivery(world, receiver, tmp_path)
    with world.catalog.transaction() as tx:
        assert callbacks.claim(tx, timedelta(seconds=30)) is not None
    assert not courier.deliver_next(), "somebody has it in hand"
    pass_time(world.catalog, timedelta(seconds=31))
    assert courier.deliver_next()
    [callback] = kept(world, job)
    assert (callback.state, callback.attempts) == (CallbackState.DELIVERED, 2)
    assert len(receiver.seen) == 1


def test_whoever_stood_still_beyond_his_lease_decides_nothing_but_that_somebody_was_told(
    world: World, tmp_path: Path
) -> None:
    job = ended(world)
    with world.catalog.transaction() as tx:
        first = callbacks.claim(tx, timedelta(seconds=30))
    pass_time(world.catalog, timedelta(seconds=31))
    with world.catalog.transaction() as tx:
        second = callbacks.claim(tx, timedelta(seconds=30))
    assert first is not None
    assert second is not None
    failed = callbacks.Attempt(first.attempts, first.created_at, 500, None, 0.1)
    with world.catalog.transaction() as tx:
        callbacks.put_off(tx, first, failed, timedelta(0), patience=timedelta(hours=1))
    assert not delivery(world, Receiver([200]), tmp_path).deliver_next(), "the second still has it in hand"
    told = replace(failed, number=second.attempts, status=200)
    with world.catalog.transaction() as tx:
        callbacks.delivered(tx, second, told)
    [callback] = kept(world, job)
    assert callback.state == CallbackState.DELIVERED


def test_one_that_nobody_takes_for_a_day_is_given_up(world: World, tmp_path: Path) -> None:
    job, courier = ended(world), None
    courier = delivery(world, Receiver([503]), tmp_path)
    pass_time(world.catalog, timedelta(hours=24))
    assert courier.deliver_next()
    [callback] = kept(world, job)
    assert callback.state == CallbackState.GIVEN_UP
    pass_time(world.catalog, timedelta(hours=24))
    assert not courier.deliver_next()


def test_a_receiver_that_is_gone_for_good_is_told_no_more(world: World, tmp_path: Path) -> None:
    job, receiver = ended(world), Receiver([410])
    assert delivery(world, receiver, tmp_path).deliver_next()
    assert [callback.state for callback in kept(world, job)] == [CallbackState.GIVEN_UP]


def test_a_slow_host_keeps_only_itself_waiting(world: World, tmp_path: Path) -> None:
    slow = "https://slow.example/"
    ended(world, slow)
    ended(world, "https://SLOW.example.:443/", name="b.jpg")
    other = ended(world, name="c.jpg")
    with world.catalog.transaction() as tx:
        assert callbacks.claim(tx, timedelta(seconds=30)) is not None
    receiver = Receiver([200])
    courier = delivery(world, receiver, tmp_path)
    assert courier.deliver_next()
    assert not courier.deliver_next()
    assert [callback.state for callback in kept(world, other)] == [CallbackState.DELIVERED]


def test_without_a_secret_or_for_a_host_that_is_no_longer_named_nothing_is_sent(
    world: World, tmp_path: Path
) -> None:
    first, second = ended(world), ended(world, "https://other.example/", name="b.jpg")
    receiver = Receiver([200])
    courier = delivery(world, receiver, tmp_path)
    (tmp_path / "default").unlink()
    assert courier.deliver_next()
    assert courier.deliver_next()
    assert receiver.seen == []
    with world.catalog.reading() as tx:
        found = [
            *callbacks.of_job(tx, first.id, after=0, limit=1),
            *callbacks.of_job(tx, second.id, after=0, limit=1),
        ]
        errors = [callbacks.attempts(tx, [callback.id])[callback.id][0].error for callback in found]
    assert "cannot be read" in str(errors[0])
    assert "CALLBACK_HOSTS" in str(errors[1])


def test_a_job_that_is_retried_is_told_of_again(world: World, tmp_path: Path) -> None:
    (world.root / "bad.jpg").write_bytes(b"not a picture")
    job = world.run(world.root, callback_url=URL)
    with world.catalog.transaction() as tx:
        jobs.reopen(tx, job.id)
    world.plan(job.id)
    world.work()
    assert len(kept(world, job)) == 2
    assert len({callback.event_id for callback in kept(world, job)}) == 2
