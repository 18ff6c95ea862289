"""The cache of query vectors over a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from imagesearch.messaging.broker import create_redis
from imagesearch.networks import VGG16
from imagesearch.settings import RedisSettings
from imagesearch_api.search.query_cache import PENDING, QueryCache
from support.valkey_server import ValkeyServer
from support.waiting import until

pytestmark = pytest.mark.integration

ONE, OTHER = bytes(VGG16.dimension * 4), b"\1" * (VGG16.dimension * 4)


@pytest.fixture
def server(tmp_path: Path) -> ValkeyServer:
    """A server that has not been started."""
    return ValkeyServer(tmp_path / "valkey")


@pytest.fixture
def client(server: ValkeyServer) -> Iterator[redis.Redis]:
    made = create_redis(RedisSettings(redis_url=server.url))
    yield made
    made.close()


@pytest.fixture
def cache(client: redis.Redis) -> Iterator[QueryCache]:
    made = QueryCache(client, 60)
    yield made
    made.close()


def test_what_is_remembered_is_read_until_it_runs_out(
    server: ValkeyServer, client: redis.Redis, cache: QueryCache
) -> None:
    with server:
        assert cache.read(["a", "b"], VGG16.dimension) == {}
        cache.remember({"a": ONE})
        cache.remember({"b": OTHER})
        until(lambda: len(cache.read(["a", "b"], VGG16.dimension)) == 2)
        assert cache.read(["b", "c", "a"], VGG16.dimension) == {"a": ONE, "b": OTHER}
        assert 0 < client.ttl("a") <= 60


def test_what_is_no_vector_is_passed_over(server: ValkeyServer, client: redis.Redis, cache: QueryCache) -> None:
    with server:
        client.set("short", b"1234")
        assert cache.read(["short"], VGG16.dimension) == {}


def test_a_cache_of_no_seconds_touches_nothing(server: ValkeyServer, client: redis.Redis) -> None:
    with server:
        client.set("a", ONE)
        cache = QueryCache(client, 0)
        cache.remember({"b": OTHER})
        assert cache.read(["a", "b"], VGG16.dimension) == {}
        assert client.keys("*") == [b"a"]
        cache.close()


def test_a_redis_that_is_away_costs_only_what_should_have_been_remembered(
    server: ValkeyServer, cache: QueryCache
) -> None:
    cache.remember({"lost": ONE})
    assert cache.read(["lost"], VGG16.dimension) == {}
    with server:

        def is_kept() -> bool:
            cache.remember({"kept": OTHER})
            return cache.read(["kept"], VGG16.dimension) == {"kept": OTHER}

        until(is_kept)


class Scripted:
    """A client whose writes are what a test makes of them."""

    def __init__(self, client: redis.Redis, *writes: Any) -> None:
        self._client = client
        self._writes = list(writes)

    def pipeline(self, **options: Any) -> Any:
        if self._writes:
            self._writes.pop(0)()
        return self._client.pipeline(**options)


def broken() -> None:
    raise ValueError("I/O operation on closed file")


def test_an_error_that_nobody_expected_costs_one_write_and_is_logged(
    server: ValkeyServer, client: redis.Redis
) -> None:
    cache = QueryCache(Scripted(client, broken), 60)  # type: ignore[arg-type]
    with server, closing(cache), capture_logs() as logged:
        cache.remember({"lost": ONE})
        cache.remember({"kept": OTHER})
        until(lambda: client.get("kept"))
        assert client.get("lost") is None
    assert [line["event"] for line in logged] == ["query_cache.write_failed"]


def test_closing_waits_for_the_write_in_hand_and_leaves_out_the_rest(
    server: ValkeyServer, client: redis.Redis
) -> None:
    writing, go_on = Event(), Event()

    def slow() -> None:
        writing.set()
        go_on.wait()

    cache = QueryCache(Scripted(client, slow), 60)  # type: ignore[arg-type]
    with server, ThreadPoolExecutor(1) as threads:
        cache.remember({"in hand": ONE})
        writing.wait()
        for _ in range(PENDING + 1):
            cache.remember({"waiting": OTHER})
        closing = threads.submit(cache.close)
        until(lambda: is_closed(cache))
        assert not closing.done()
        go_on.set()
        closing.result()
        cache.close()
        cache.remember({"too late": OTHER})
        assert sorted(client.keys("*")) == [b"in hand"]


def is_closed(cache: QueryCache) -> bool:
    return cache._closed


def test_a_cache_that_was_never_used_closes_too(cache: QueryCache) -> None:
    cache.close()
    cache.close()
