"""The figures of the whole system are those of the stores."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import redis
import sqlalchemy as sa
from prometheus_client.metrics_core import Metric

from imagesearch.catalog import tombstones
from imagesearch.messaging.claims import InFlight
from imagesearch.messaging.query_channel import queries_key
from imagesearch.worker.registry import WorkerRegistry, WorkerReport
from imagesearch_api.figures import of_milvus, of_postgres, of_redis
from support.damage import damage_job
from support.world import World

pytestmark = pytest.mark.integration


def shown(metrics: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """Return each value by the metric's name, without what all share, and its labels."""
    return {
        (sample.name.removeprefix("imagesearch_"), *sample.labels.values()): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def test_redis_tells_what_waits_who_works_and_how_full_it_is(client: redis.Redis) -> None:
    for queue, messages in (("extract.vgg16", ["a"]), ("extract.resnet50.ab", ["b"])):
        InFlight(client).queued(queue, [])
        client.rpush(queue, *messages)
    client.rpush(queries_key("query.vgg16"), "c")
    for name, queues in (("one", ("index", "plan")), ("two", ("query.vgg16.ab", "query.vgg16"))):
        report = WorkerReport(name, queues, "1", None, None, untrained=False)
        WorkerRegistry(client).report(report, consumed_ago=0)
    found = shown(of_redis(client))
    assert found["queue_messages", "extract", "waiting"] == 2
    assert found["queue_messages", "query", "waiting"] == 1
    assert found["queue_messages", "index", "waiting"] == found["queue_messages", "index", "in_hand"] == 0
    assert {key[1]: value for key, value in found.items() if key[0] == "workers"} == {
        "plan": 1,
        "index": 1,
        "extract": 0,
        "query": 1,
        "reconcile": 0,
    }
    assert found["redis_memory_bytes",] > 0
    assert found["redis_memory_limit_bytes",] >= 0


def test_postgres_tells_which_jobs_are_open_and_what_is_buried(world: World) -> None:
    assert shown(of_postgres(world.catalog)) == {
        ("jobs_stalled",): 0,
        ("vectors_buried",): 0,
        ("vectors_buried_age_seconds",): 0,
    }
    world.submit(world.root)
    damage_job(world.catalog, world.submit(world.root), stalled_at=sa.func.now())
    with world.catalog.transaction() as tx:
        tombstones.bury_in(tx, ["some", "other"], [tombstones.Buried(7, None, None)])
    with world.catalog.transaction() as tx:
        old = sa.func.clock_timestamp() - sa.text("interval '1 hour'")
        tx.execute(
            sa.update(tombstones.table).where(tombstones.table.c.vector_collection == "some").values(since=old)
        )
    found = shown(of_postgres(world.catalog))
    assert found["jobs_open", "index", "planning"] == 2
    assert found["jobs_stalled",] == 1
    assert found["vectors_buried",] == 2
    assert 3600 <= found["vectors_buried_age_seconds",] < 7200


def test_milvus_tells_nothing_but_that_it_answers(world: World) -> None:
    assert of_milvus(world.vectors) == []
