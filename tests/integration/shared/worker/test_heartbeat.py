"""Claims, crashes and signs of life in a real Valkey, and what is noticed when there is none."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import redis
from celery import Celery

from imagesearch.contract import PlanJob, Queue, TaskName
from imagesearch.errors import StoreUnavailable, TransientError
from imagesearch.messaging import claims as claims_module
from imagesearch.messaging.broker import close_celery, create_celery, send
from imagesearch.messaging.claims import BatchClaims, InFlight
from imagesearch.messaging.redis_clock import redis_now
from imagesearch.settings import RedisSettings
from imagesearch.worker.heartbeat import Heartbeat, Liveness, WorkerSettings
from imagesearch.worker.registry import (
    REPORT_VALID_SECONDS,
    WORKERS_KEY,
    WorkerRegistry,
    WorkerReport,
    own_queue,
)
from imagesearch.worker.run import PING_TASK
from support.clocks import shifted
from support.waiting import TIMEOUT

pytestmark = pytest.mark.integration


@pytest.fixture
def app(stores: Any) -> Iterator[Celery]:
    made = create_celery(stores.redis)
    yield made
    close_celery(made)


def report(name: str) -> WorkerReport:
    return WorkerReport(
        name=name,
        queues=("extract",),
        version="1",
        model=None,
        weights=None,
        untrained=False,
    )


def test_a_claim_is_seen_while_it_is_held_and_no_longer(client: redis.Redis) -> None:
    claims, in_flight = BatchClaims(client, "worker"), InFlight(client)
    with claims.claimed(Queue.EXTRACT, 7):
        assert in_flight.claimed([6, 7]) == {7}
        assert 0 < client.ttl("imagesearch:claim:extract:7") <= claims_module.CLAIM_SECONDS
    assert in_flight.claimed([7]) == set()


def test_renewing_brings_a_claim_back_that_redis_forgot(client: redis.Redis) -> None:
    claims, in_flight = BatchClaims(client, "worker"), InFlight(client)
    with claims.claimed(Queue.INDEX, 7):
        client.flushall()
        assert in_flight.claimed([7]) == set()
        claims.renew()
        assert in_flight.claimed([7]) == {7}


def test_deaths_and_failures_are_counted_once_and_orderly_ends_never(client: redis.Redis) -> None:
    claims, in_flight = BatchClaims(client, "worker"), InFlight(client)
    claims.begin(Queue.EXTRACT, 1)
    claims.begin(Queue.INDEX, 1)
    with pytest.raises(ValueError, match="bug"), claims.claimed(Queue.EXTRACT, 2):
        raise ValueError("bug")
    with pytest.raises(TransientError), claims.claimed(Queue.EXTRACT, 3):
        raise TransientError("stopping")
    with claims.claimed(Queue.EXTRACT, 4):
        pass
    assert in_flight.claimed([2]) == set()
    assert in_flight.take_crashes([1, 2, 3, 4, 5]) == {1: 2, 2: 1, 3: 0, 4: 0, 5: 0}
    assert in_flight.take_crashes([1, 2]) == {1: 0, 2: 0}


def test_an_end_without_a_beginning_hides_no_later_death(client: redis.Redis) -> None:
    claims, in_flight = BatchClaims(client, "worker"), InFlight(client)
    with claims.claimed(Queue.EXTRACT, 1):
        client.flushall()
    assert in_flight.take_crashes([1]) == {1: 0}
    claims.begin(Queue.EXTRACT, 1)
    assert in_flight.take_crashes([1]) == {1: 1}


def test_a_worker_that_went_silent_leaves_the_registry_and_its_queue_leaves_redis(
    client: redis.Redis, app: Celery
) -> None:
    board = WorkerRegistry(client)
    board.report(report("alive"), consumed_ago=0.0)
    board.report(report("silent"), consumed_ago=0.0)
    silent = json.loads(client.hget(WORKERS_KEY, "silent"))
    silent["seen_at"] -= REPORT_VALID_SECONDS + 1
    client.hset(WORKERS_KEY, "silent", json.dumps(silent))
    for name in ("alive", "silent"):
        client.lpush(own_queue(name), "ping")
    assert [worker.name for worker in board.alive()] == ["alive"]
    assert [client.exists(own_queue(name)) for name in ("alive", "silent")] == [1, 0]
    board.leave("alive")
    assert board.alive() == []
    assert client.exists(own_queue("alive")) == 0


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_worker_is_alive_whatever_its_own_clock_says(
    client: redis.Redis, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = WorkerRegistry(client)
    with shifted(monkeypatch, hours):
        board.report(report("worker"), consumed_ago=2.0)
    (seen,) = board.alive()
    assert seen.seen_at - seen.consumed_at == pytest.approx(2.0)
    assert seen.seen_at == pytest.approx(redis_now(client), abs=TIMEOUT)
    with shifted(monkeypatch, hours):
        assert board.alive() == [seen]


def heartbeat_of(
    app: Celery, liveness: Liveness, client: redis.Redis, settings: WorkerSettings, claims: BatchClaims
) -> Heartbeat:
    """Return the heartbeat of a Celery worker without a busy thread."""

    def ping() -> None:
        app.send_task(PING_TASK, queue=own_queue(liveness.name), ignore_result=True)

    return Heartbeat(liveness, report(liveness.name), WorkerRegistry(client), settings, claims, ping=ping)


def test_a_redis_that_forgot_a_ping_is_asked_again(client: redis.Redis, app: Celery) -> None:
    liveness = Liveness("worker", concurrency=1)
    settings = WorkerSettings(heartbeat_file=None, deaf_seconds=60)
    claims = BatchClaims(client, "worker")
    heartbeat = heartbeat_of(app, liveness, client, settings, claims)
    heartbeat.once()
    asked_at = liveness.asked_at
    client.flushall()
    heartbeat.once()
    assert client.llen(own_queue("worker")) == 1
    assert liveness.asked_at == asked_at, "an answer is still owed to the first question"


def test_a_worker_can_be_unresponsive_only_while_a_thread_is_free() -> None:
    liveness = Liveness("worker", concurrency=2)
    assert liveness.is_owed_a_ping(1)
    liveness.asked_at = time.monotonic() - 61
    assert liveness.is_owed_a_ping(1)
    assert liveness.silence > 60
    assert not liveness.is_owed_a_ping(2)
    assert liveness.silence == 0
    assert liveness.is_owed_a_ping(0)
    liveness.consumed()
    assert liveness.silence == 0


def test_an_unresponsive_worker_ends_itself(
    client: redis.Redis, app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    liveness, claims = Liveness("worker", concurrency=1), BatchClaims(client, "worker")
    settings = WorkerSettings(heartbeat_file=None, deaf_seconds=60)
    heartbeat = heartbeat_of(app, liveness, client, settings, claims)
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    heartbeat.once()
    assert codes == []
    liveness.asked_at = time.monotonic() - 61
    heartbeat.once()
    assert codes == [70]


def test_a_message_that_cannot_leave_is_known_after_two_attempts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as threads:
        over = Event()
        accepted = threads.submit(_refuse, server, over)
        app = create_celery(RedisSettings(redis_url=f"redis://127.0.0.1:{server.getsockname()[1]}/0"))
        try:
            with pytest.raises(StoreUnavailable):
                send(app, TaskName.PLAN, PlanJob("job"))
        finally:
            close_celery(app)
            over.set()
            socket.create_connection(server.getsockname()).close()
            calls = accepted.result()
        assert 1 <= calls <= 4


def _refuse(server: socket.socket, over: Event) -> int:
    """Hang up on whoever calls, until the first call after it is over, and return how many called before."""
    calls = 0
    while True:
        server.accept()[0].close()
        if over.is_set():
            return calls
        calls += 1


def test_a_message_subscribes_its_sender_to_nothing(client: redis.Redis, app: Celery) -> None:
    before = len(client.pubsub_channels())
    for number in range(5):
        send(app, TaskName.PLAN, PlanJob(str(number)))
    assert len(client.pubsub_channels()) == before
