"""Queries and answers over a real Valkey."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgpack
import pytest
import redis

from imagesearch.contract import QueryPixels, QueryVectors
from imagesearch.errors import QueryTimeout, StoreUnavailable
from imagesearch.messaging.broker import create_redis
from imagesearch.messaging.query_channel import QUERIES_KEY, UNCLAIMED_SECONDS, QueryChannel, QueryRequest
from imagesearch.settings import RedisSettings
from support.clocks import shifted
from support.kept_ports import kept_port
from support.valkey_server import ValkeyServer
from support.waiting import TIMEOUT, until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSettings]:
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield RedisSettings(redis_url=server.url)


@pytest.fixture
def client(settings: RedisSettings) -> Iterator[redis.Redis]:
    made = create_redis(settings)
    made.flushall()
    yield made
    made.close()


@pytest.fixture
def channel(client: redis.Redis, settings: RedisSettings) -> QueryChannel:
    return QueryChannel(client, settings)


def question(content: bytes = b"pixels", seconds: float = TIMEOUT) -> QueryPixels:
    return QueryPixels(1, content, seconds)


def answering(request: QueryRequest) -> QueryVectors:
    return QueryVectors("model", request.query.pixels)


def test_each_of_many_queries_gets_its_own_answer_and_nothing_stays(
    channel: QueryChannel, client: redis.Redis
) -> None:
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(channel.ask, question(bytes([number])), TIMEOUT) for number in range(8)]
        until(lambda: client.llen(QUERIES_KEY) == 8)
        taken = channel.take(5) + channel.take(5)
        assert len(taken) == 8
        for request in reversed(taken):
            channel.answer(request, answering(request))
        assert [future.result().vectors for future in waiting] == [bytes([number]) for number in range(8)]
    assert client.keys("*") == []


def test_the_oldest_queries_are_taken_first_and_no_more_than_asked_for(
    channel: QueryChannel, client: redis.Redis
) -> None:
    with ThreadPoolExecutor(3) as threads:
        waiting = []
        for number in range(3):
            waiting.append(threads.submit(channel.ask, question(bytes([number])), TIMEOUT))
            until(lambda number=number: client.llen(QUERIES_KEY) == number + 1)
        taken = [channel.take(2), channel.take(2)]
        assert [[request.query.pixels for request in some] for some in taken] == [[b"\0", b"\1"], [b"\2"]]
        for request in taken[0] + taken[1]:
            channel.answer(request, answering(request))
        assert all(future.result().refusal is None for future in waiting)


def test_a_query_that_nobody_answers_is_taken_away_at_its_timeout(
    channel: QueryChannel, client: redis.Redis
) -> None:
    with pytest.raises(QueryTimeout, match="no worker answered"):
        channel.ask(question(), 0.2)
    assert client.keys("*") == []
    assert channel.take(1) == []


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_query_is_waited_for_whatever_the_clock_of_its_worker_says(
    channel: QueryChannel, client: redis.Redis, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(channel.ask, question(seconds=TIMEOUT), TIMEOUT)
        until(lambda: client.llen(QUERIES_KEY))
        with shifted(monkeypatch, hours):
            (request,) = channel.take(1)
            assert 0 < request.left <= TIMEOUT
            channel.answer(request, answering(request))
        assert waiting.result().vectors == b"pixels"


def test_a_refusal_is_an_error_that_may_pass(channel: QueryChannel, client: redis.Redis) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(channel.ask, question(), TIMEOUT)
        until(lambda: client.llen(QUERIES_KEY))
        (request,) = channel.take(1)
        channel.answer(request, QueryVectors("model", b"", refusal="no memory"))
        with pytest.raises(StoreUnavailable, match="extractor is not available: no memory"):
            waiting.result()


@pytest.mark.parametrize("answer", [b"\xc1", msgpack.packb({"v": 99}), msgpack.packb([1])])
def test_an_answer_of_another_version_is_no_answer(
    channel: QueryChannel, client: redis.Redis, answer: bytes
) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(channel.ask, question(), TIMEOUT)
        until(lambda: client.llen(QUERIES_KEY))
        (request,) = channel.take(1)
        client.rpush(request.reply, answer)
        with pytest.raises(StoreUnavailable, match="another version"):
            waiting.result()


def test_queries_and_answers_of_processes_that_died_run_out(channel: QueryChannel, client: redis.Redis) -> None:
    channel.answer(QueryRequest("imagesearch:answer:gone", question()), QueryVectors("model", b""))
    assert 0 < client.ttl("imagesearch:answer:gone") <= TIMEOUT
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(channel.ask, question(), TIMEOUT)
        until(lambda: client.llen(QUERIES_KEY))
        assert 0 < client.ttl(QUERIES_KEY) <= UNCLAIMED_SECONDS
        (request,) = channel.take(1)
        channel.answer(request, answering(request))
        waiting.result()


@pytest.mark.parametrize(
    "entry",
    [
        b"\xc1",
        msgpack.packb(5),
        msgpack.packb({"reply": "x"}),
        msgpack.packb({"reply": "x", "query": {"v": 99}}),
        msgpack.packb({"query": question().to_wire()}),
    ],
    ids=["no msgpack", "no map", "no query", "another version", "nowhere to answer"],
)
def test_garbage_costs_no_query(channel: QueryChannel, client: redis.Redis, entry: bytes) -> None:
    good = msgpack.packb({"reply": "imagesearch:answer:good", "query": question().to_wire()})
    client.rpush(QUERIES_KEY, entry, good)
    assert [request.reply for request in channel.take(5)] == ["imagesearch:answer:good"]


def test_a_server_that_hangs_is_asked_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        channel = channel_at(server.getsockname()[1])
        with pytest.raises(StoreUnavailable, match="TimeoutError"):
            channel.ask(question(), 10)
        # The kernel takes connections by itself, and nobody ever reads from them.
        server.setblocking(False)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_server_that_is_away_is_told_as_such() -> None:
    port = kept_port()
    for call in (lambda channel: channel.take(1), lambda channel: channel.ask(question(), 10)):
        with pytest.raises(StoreUnavailable, match="ConnectionError"):
            call(channel_at(port))


def channel_at(port: int) -> QueryChannel:
    settings = RedisSettings(redis_url=f"redis://127.0.0.1:{port}/0", redis_timeout=0.3)
    return QueryChannel(create_redis(settings), settings)
