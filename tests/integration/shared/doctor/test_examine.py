"""The doctor on real stores: what is well is told as such, and each thing that is broken is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import redis
import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import migrate
from imagesearch.contract import Queue
from imagesearch.doctor.diagnosis import Diagnosis, Verdict
from imagesearch.doctor.examine import Patient, examine, is_healthy
from imagesearch.doctor.of_postgres import examine_postgres
from imagesearch.doctor.of_redis import examine_redis
from imagesearch.messaging.broker import create_redis
from imagesearch.settings import RedisSettings
from support.kept_ports import kept_port
from support.world import World

pytestmark = pytest.mark.integration


def ills(found: list[Diagnosis]) -> set[str]:
    return {one.subject for one in found if one.verdict is Verdict.PROBLEM}


@contextmanager
def configured(client: redis.Redis, **changed: str) -> Iterator[None]:
    """Set parameters of Redis for a while."""
    before = {name: client.config_get(name)[name] for name in changed}
    try:
        for name, value in changed.items():
            client.config_set(name, value)
        yield
    finally:
        for name, value in before.items():
            client.config_set(name, value)


def test_what_the_embedded_stores_are_like(world: World, client: redis.Redis) -> None:
    world.write("a.jpg")
    world.run(world.root)
    found = examine(Patient(world.catalog, world.vectors, client, world.indexer.roots))
    # No worker runs here, and the stores of tests need not survive a crash of the machine.
    queues = {f"queue {queue.value}" for queue in Queue}
    assert ills(found) - {"redis persistence", "postgres settings"} == queues | {"scheduler"}
    assert not is_healthy(found)
    shown = {one.subject: one.found for one in found}
    assert "Valkey" in shown["redis version"]
    assert shown["postgres version"].startswith("Postgres 18")
    assert "Milvus Lite" in shown["milvus version"]
    assert shown["milvus collections"] == "1 of the catalogue are there"


def test_a_collection_that_milvus_has_lost_is_named(world: World, client: redis.Redis) -> None:
    world.write("a.jpg")
    world.run(world.root)
    world.vectors.drop_collection(world.collection().vector_collection)
    found = examine(Patient(world.catalog, world.vectors, client, world.indexer.roots))
    assert "milvus collections" in ills(found)


@pytest.mark.parametrize(
    ("changed", "subject"),
    [
        ({"maxmemory": "1gb", "maxmemory-policy": "allkeys-lru"}, "redis eviction"),
        ({"maxmemory": "1"}, "redis memory"),
        ({"maxmemory": "1"}, "redis writes"),
        ({"appendonly": "no"}, "redis persistence"),
    ],
)
def test_a_redis_that_forgets_or_is_full_is_named(
    client: redis.Redis, changed: dict[str, str], subject: str
) -> None:
    with configured(client, **changed):
        assert subject in ills(examine_redis(client))


def test_a_redis_that_is_away_costs_its_own_lines(world: World) -> None:
    url = f"redis://127.0.0.1:{kept_port()}/0"
    with closing(create_redis(RedisSettings(redis_url=url, redis_timeout=0.5))) as away:
        found = examine(Patient(world.catalog, world.vectors, away, world.indexer.roots))
    assert "redis" in ills(found)
    assert [one.verdict for one in found if one.subject == "workers"] == [Verdict.UNKNOWN]
    assert [one.verdict for one in found if one.subject == "postgres version"] == [Verdict.OK]


def test_a_database_without_the_schema_and_one_that_is_read_only_are_named(
    stores_database: Catalog,
) -> None:
    assert "postgres schema" in ills(examine_postgres(stores_database))
    migrate(stores_database)
    assert ills(examine_postgres(stores_database)) <= {"postgres settings"}
    with stores_database.transaction() as tx:
        name = tx.execute(sa.select(sa.func.current_database())).scalar_one()
        tx.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        tx.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    stores_database.close()
    assert ills(examine_postgres(stores_database)) == {"postgres writes", "postgres settings"}
