"""What a worker has in hand is given to another by the clock of Redis, whatever those of the workers say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import product
from uuid import uuid4

import pytest
import redis
from celery import Celery
from kombu import Connection, Message
from kombu.transport import redis as kombu_redis

from imagesearch.contract import ExtractBatch, PlanJob, Queue, TaskName
from imagesearch.messaging.backlog import Backlog, backlogs
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.messaging.claims import BatchClaims, InFlight
from imagesearch.messaging.queue_order import PLAN_SLACK
from imagesearch.messaging.redis_clock import redis_now
from imagesearch.messaging.redis_transport import IN_HAND_KEY, Transport
from imagesearch.networks import queue_for
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import RedisSettings
from support.clocks import shifted
from support.valkey_server import ValkeyServer

pytestmark = pytest.mark.integration

UNACKED = "unacked_index"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSettings]:
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield RedisSettings(redis_url=server.url, visibility_timeout=60)


@pytest.fixture
def client(settings: RedisSettings) -> Iterator[redis.Redis]:
    made = create_redis(settings)
    made.flushall()
    yield made
    made.close()


@pytest.fixture
def app(settings: RedisSettings) -> Iterator[Celery]:
    made = create_celery(settings)
    yield made
    close_celery(made)


@pytest.fixture(autouse=True)
def _late_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kombu took the function at its import."""
    monkeypatch.setattr(kombu_redis, "time", lambda: time.time())  # noqa: PLW0108


@pytest.fixture
def connection(app: Celery) -> Iterator[Connection]:
    with app.connection_for_read() as made:
        assert isinstance(made.transport, Transport)
        yield made


@pytest.fixture
def take(connection: Connection, app: Celery, client: redis.Redis) -> Callable[[], Message]:
    """Have a worker take a message, and not acknowledge it."""

    def take_one() -> Message:
        send(app, TaskName.PLAN, PlanJob("job"))
        message = connection.default_channel.basic_get(Queue.PLAN.value, no_ack=False)
        assert message is not None
        assert client.llen(Queue.PLAN.value) == 0
        return message

    return take_one


def look_for_what_is_overdue(connection: Connection) -> None:
    """Do what each worker does every few seconds."""
    connection.default_channel.qos.restore_visible(interval=1)


@pytest.mark.parametrize("hours", list(product([-1, 0, 1], repeat=2)))
def test_what_is_in_hand_stays_there_whichever_clock_is_off(
    take: Callable[[], Message],
    connection: Connection,
    client: redis.Redis,
    hours: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with shifted(monkeypatch, hours[0]):
        message = take()
    with shifted(monkeypatch, hours[1]):
        look_for_what_is_overdue(connection)
    assert client.llen(Queue.PLAN.value) == 0
    assert client.zcard(UNACKED) == 1
    message.ack()
    assert client.zcard(UNACKED) == 0


@pytest.mark.parametrize("looked", [-1, 0, 1])
def test_what_is_overdue_goes_back_whichever_clock_is_off(
    take: Callable[[], Message],
    connection: Connection,
    client: redis.Redis,
    looked: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = take()
    (tag,) = client.zrange(UNACKED, 0, -1)
    client.zadd(UNACKED, {tag: redis_now(client) - 61})
    with shifted(monkeypatch, looked):
        look_for_what_is_overdue(connection)
    assert client.llen(Queue.PLAN.value) == 1
    assert client.zcard(UNACKED) == 0
    message.ack()


def test_what_is_in_hand_is_counted_by_queue_until_it_is_done_or_goes_back(
    take: Callable[[], Message], connection: Connection, client: redis.Redis
) -> None:
    assert set(backlogs(client).values()) == {Backlog(0, 0)}
    first, second = take(), take()
    found = backlogs(client)
    assert found.pop(Queue.PLAN) == Backlog(waiting=0, in_hand=2)
    assert set(found.values()) == {Backlog(0, 0)}
    first.ack()
    assert backlogs(client)[Queue.PLAN] == Backlog(waiting=0, in_hand=1)
    second.requeue()
    assert backlogs(client)[Queue.PLAN] == Backlog(waiting=1, in_hand=0)
    assert client.hlen(IN_HAND_KEY) == 0
    overdue = connection.default_channel.basic_get(Queue.PLAN.value, no_ack=False)
    (tag,) = client.zrange(UNACKED, 0, -1)
    client.zadd(UNACKED, {tag: redis_now(client) - 61})
    look_for_what_is_overdue(connection)
    assert backlogs(client)[Queue.PLAN] == Backlog(waiting=1, in_hand=0)
    assert client.hlen(IN_HAND_KEY) == 0
    overdue.ack()


@pytest.mark.parametrize("queue", [queue_for(Queue.EXTRACT, "vgg16", None), Queue.INDEX.value])
def test_the_batch_of_a_taken_message_is_claimed_before_its_work_begins(
    queue: str, connection: Connection, app: Celery, client: redis.Redis
) -> None:
    batch = ExtractBatch("job", 7, None, Preprocessing().to_dict(), ())
    claims, in_flight = BatchClaims(client, "worker"), InFlight(client)
    send(app, TaskName.EXTRACT, batch, task_id=claims.queued(queue, batch.batch_id), queue=queue)
    assert in_flight.claimed([7, 8]) == set()
    message = connection.default_channel.basic_get(queue, no_ack=False)
    assert in_flight.waiting([7, 8]) == set()
    assert in_flight.claimed([7, 8]) == {7}
    message.ack()


def test_what_a_crash_left_in_the_hash_is_not_counted(client: redis.Redis) -> None:
    client.hset(IN_HAND_KEY, "left", Queue.EXTRACT.value)
    assert backlogs(client)[Queue.EXTRACT] == Backlog(0, 0)


def test_an_address_with_tls_keeps_it() -> None:
    app = create_celery(RedisSettings(redis_url="rediss://redis.example:6380/0"))
    with app.connection_for_read() as connection:
        assert isinstance(connection.transport, Transport)
        assert connection.ssl
    close_celery(app)


def test_planning_that_has_left_its_queue_is_told_from_what_waits_behind(app: Celery, client: redis.Redis) -> None:
    job_ids = [str(uuid4()) for _ in range(PLAN_SLACK + 2)]
    for job_id in job_ids:
        send(app, TaskName.PLAN, PlanJob(job_id))
    in_flight = InFlight(client)
    assert in_flight.plans_waiting([*job_ids, str(uuid4())]) == set(job_ids)
    client.rpop(Queue.PLAN.value, PLAN_SLACK)
    assert in_flight.plans_waiting(job_ids) == set(job_ids[1:]), "behind the first, others may have come at once"
    client.delete(Queue.PLAN.value)
    assert in_flight.plans_waiting(job_ids) == set()
