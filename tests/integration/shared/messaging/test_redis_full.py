"""A Redis at its `maxmemory` refuses what is new, and keeps what is in hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import redis
from celery import Celery
from kombu import Connection
from prometheus_client import REGISTRY

from imagesearch.contract import ExtractBatch, PlanJob, Queue, TaskName
from imagesearch.errors import Shortage, StoreFull
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.messaging.claims import BatchClaims, InFlight
from imagesearch.messaging.redis_transport import UNACKED_INDEX_KEY
from imagesearch.messaging.room import require_room
from imagesearch.networks import queue_for
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import RedisSettings
from imagesearch.store_failures import refused_lately
from imagesearch.worker.facts import WorkerFacts
from imagesearch.worker.registry import WorkerRegistry, WorkerReport
from support.valkey_server import ValkeyServer

pytestmark = pytest.mark.integration

EXTRACT = queue_for(Queue.EXTRACT, "vgg16", None)
BATCH = ExtractBatch("job", 7, "library", None, Preprocessing().to_dict(), ())
Fill = Callable[[bool], None]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSettings]:
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield RedisSettings(redis_url=server.url)


@pytest.fixture
def client(settings: RedisSettings) -> Iterator[redis.Redis]:
    with closing(create_redis(settings)) as made:
        made.flushall()
        yield made
        made.config_set("maxmemory", 0)


@pytest.fixture
def fill(client: redis.Redis) -> Fill:
    def change(is_full: bool) -> None:
        client.config_set("maxmemory", int(is_full))

    return change


@pytest.fixture
def app(settings: RedisSettings) -> Iterator[Celery]:
    made = create_celery(settings)
    yield made
    close_celery(made)


@pytest.fixture
def connection(app: Celery) -> Iterator[Connection]:
    with app.connection_for_read() as made:
        yield made


def test_a_message_that_is_taken_is_kept_and_can_be_ended(
    app: Celery, connection: Connection, client: redis.Redis, fill: Fill
) -> None:
    [task_id] = InFlight(client).queued(EXTRACT, [BATCH.batch_id])
    send(app, TaskName.EXTRACT, BATCH, task_id=task_id, queue=EXTRACT)
    fill(True)
    message = connection.default_channel.basic_get(EXTRACT, no_ack=False)
    assert message is not None
    assert client.zcard(UNACKED_INDEX_KEY) == 1
    assert InFlight(client).claimed([BATCH.batch_id]) == {BATCH.batch_id}
    connection.default_channel.qos.restore_visible(interval=1)
    message.ack()
    assert client.zcard(UNACKED_INDEX_KEY) == 0


def test_a_worker_keeps_its_claims_and_its_place(client: redis.Redis, fill: Fill) -> None:
    fill(True)
    claims, registry = BatchClaims(client, "worker"), WorkerRegistry(client)
    with claims.claimed(Queue.EXTRACT, 7):
        client.flushall()
        claims.renew()
        assert InFlight(client).claimed([7]) == {7}
    assert InFlight(client).claimed([7]) == set()
    assert InFlight(client).take_crashes([7])[7] == 0
    report = WorkerReport("worker", ("index",), "1", None, None, untrained=False)
    registry.report(report, consumed_ago=0, facts=WorkerFacts("x86_64", (), ()))
    assert [worker.name for worker in registry.alive()] == ["worker"]


def test_a_worker_can_begin_to_consume(app: Celery, client: redis.Redis, fill: Fill) -> None:
    fill(True)
    with app.connection_for_read() as made:
        app.amqp.queues[Queue.PLAN.value].bind(made.default_channel).declare()
    assert client.keys("_kombu.binding.*")


def test_what_is_new_is_refused_with_its_reason_and_counted(app: Celery, client: redis.Redis, fill: Fill) -> None:
    fill(True)
    labels = {"store": "redis", "lacks": "memory"}
    before = REGISTRY.get_sample_value("imagesearch_store_full_total", labels) or 0
    for refused in (lambda: send(app, TaskName.PLAN, PlanJob("job")), lambda: require_room(client)):
        with pytest.raises(StoreFull, match="no memory left, as maxmemory is reached") as caught:
            refused()
        assert caught.value.lacks is Shortage.MEMORY
    assert REGISTRY.get_sample_value("imagesearch_store_full_total", labels) == before + 2
    assert any("maxmemory" in reason for reason in refused_lately())
    fill(False)
    require_room(client)
    send(app, TaskName.PLAN, PlanJob("job"))
    assert client.llen(Queue.PLAN.value) == 1
