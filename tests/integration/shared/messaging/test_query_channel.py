"""Queries and answers over a real Valkey."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import cast

import msgpack
import pytest
import redis

from imagesearch.errors import PipelineMismatch, QueryTimeout, StoreUnavailable
from imagesearch.messaging.broker import create_redis
from imagesearch.messaging.query_channel import (
    UNCLAIMED_SECONDS,
    QueryChannel,
    QueryRequest,
    explanations_key,
    queries_key,
)
from imagesearch.query_contract import ExplainedCells, ExplainPixels, QueryPixels, QueryVectors
from imagesearch.settings import RedisSettings
from support.clocks import shifted
from support.kept_ports import kept_port
from support.valkey_server import ValkeyServer
from support.waiting import TIMEOUT, until

pytestmark = pytest.mark.integration

QUEUE, OTHER = "query.vgg16.ab", "query.vgg16"
KEY = queries_key(QUEUE)
HEAD = b"\0\0\0\1"


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
    return QueryPixels(1, content, 1, seconds)


def answering(request: QueryRequest) -> QueryVectors:
    return QueryVectors("model", request.query.pixels)


def test_each_of_many_queries_gets_its_own_answer_and_nothing_stays(
    channel: QueryChannel, client: redis.Redis
) -> None:
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(channel.ask, QUEUE, question(bytes([number])), TIMEOUT) for number in range(8)]
        until(lambda: client.llen(KEY) == 8)
        taken = channel.take([QUEUE], 5) + channel.take([QUEUE], 5)
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
            waiting.append(threads.submit(channel.ask, QUEUE, question(bytes([number])), TIMEOUT))
            until(lambda number=number: client.llen(KEY) == number + 1)
        taken = [channel.take([QUEUE], 2), channel.take([QUEUE], 2)]
        assert [[request.query.pixels for request in some] for some in taken] == [[b"\0", b"\1"], [b"\2"]]
        for request in taken[0] + taken[1]:
            channel.answer(request, answering(request))
        assert all(future.result().refusal is None for future in waiting)


def test_a_worker_leaves_the_others_their_share_of_what_waits(channel: QueryChannel, client: redis.Redis) -> None:
    fill(client, [1] * 8)
    assert [len(channel.take([QUEUE], 16, sharers=2)) for _ in range(4)] == [4, 2, 1, 1]


def test_a_worker_takes_no_more_pictures_than_one_pass_has_room_for(
    channel: QueryChannel, client: redis.Redis
) -> None:
    fill(client, [3, 1, 1, 9, 1])
    taken = [channel.take([QUEUE], 4) for _ in range(4)]
    assert [[request.query.count for request in some] for some in taken] == [[3, 1], [1], [9], [1]]


def test_the_queues_are_taken_from_in_the_order_in_which_they_are_named(
    channel: QueryChannel, client: redis.Redis
) -> None:
    fill(client, [1, 2], QUEUE)
    fill(client, [3], OTHER)
    assert [request.query.count for request in channel.take([OTHER, QUEUE], 16)] == [3, 1, 2]
    fill(client, [1], "query.vgg16.other weights")
    assert channel.take([OTHER, QUEUE], 16) == []


def test_what_is_to_be_explained_waits_for_queries_and_comes_alone(
    channel: QueryChannel, client: redis.Redis
) -> None:
    why = ExplainPixels(b"two pictures", 1, TIMEOUT, "gem", b"")
    made = ExplainedCells("model", 1, 1, bytes(8), 0.5, (0.0, 0.25))
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(channel.ask, QUEUE, why, TIMEOUT) for _ in range(2)]
        until(lambda: client.llen(explanations_key(QUEUE)) == 2)
        fill(client, [1, 1], OTHER)
        taken = [channel.take([QUEUE, OTHER], 16) for _ in range(3)]
        kinds = [[type(request.query) for request in some] for some in taken]
        assert kinds == [[QueryPixels, QueryPixels], [ExplainPixels], [ExplainPixels]]
        for (request,) in taken[1:]:
            assert request.query == why
            channel.answer(request, made)
        assert [future.result() for future in waiting] == [made, made]
    assert client.keys("*") == []


def test_a_request_to_explain_that_nobody_takes_is_removed(channel: QueryChannel, client: redis.Redis) -> None:
    with pytest.raises(QueryTimeout):
        channel.ask(QUEUE, ExplainPixels(b"", 1, TIMEOUT, None, b""), 0.05)
    assert client.keys("*") == []


def test_no_worker_takes_what_an_idle_one_waits_for(
    channel: QueryChannel, client: redis.Redis, settings: RedisSettings
) -> None:
    """Both wait when two queries come at once: the first must not take both and leave the other idle."""
    other = create_redis(settings)
    with ThreadPoolExecutor(2) as threads, closing(other):
        taken = [threads.submit(each.take, [QUEUE], 16) for each in (channel, QueryChannel(other, settings))]
        until(lambda: cast(dict[str, int], client.info("clients"))["blocked_clients"] == 2)
        fill(client, [1, 1])
        assert [len(each.result()) for each in taken] == [1, 1]


def test_whoever_gets_no_answer_may_look_why_and_give_up(channel: QueryChannel, client: redis.Redis) -> None:
    def unanswered() -> None:
        raise PipelineMismatch("the workers run another network")

    with pytest.raises(PipelineMismatch):
        channel.ask(QUEUE, question(), TIMEOUT, unanswered=unanswered)
    assert client.keys("*") == []


def fill(client: redis.Redis, counts: Sequence[int], queue: str = QUEUE) -> None:
    """Send queries of so many pictures each, at once, that nobody waits for."""
    entries = [
        struct.pack(">I", count)
        + msgpack.packb({"reply": "nobody", "query": QueryPixels(count, b"", 1, TIMEOUT).to_wire()})
        for count in counts
    ]
    client.rpush(queries_key(queue), *entries)


def test_a_query_that_nobody_answers_is_taken_away_at_its_timeout(
    channel: QueryChannel, client: redis.Redis
) -> None:
    with pytest.raises(QueryTimeout, match="no worker answered"):
        channel.ask(QUEUE, question(), 0.2)
    assert client.keys("*") == []
    assert channel.take([QUEUE], 1) == []


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_query_is_waited_for_whatever_the_clock_of_its_worker_says(
    channel: QueryChannel, client: redis.Redis, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(channel.ask, QUEUE, question(seconds=TIMEOUT), TIMEOUT)
        until(lambda: client.llen(KEY))
        with shifted(monkeypatch, hours):
            (request,) = channel.take([QUEUE], 1)
            assert 0 < request.left <= TIMEOUT
            channel.answer(request, answering(request))
        assert waiting.result().vectors == b"pixels"


def test_a_refusal_is_an_error_that_may_pass(channel: QueryChannel, client: redis.Redis) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(channel.ask, QUEUE, question(), TIMEOUT)
        until(lambda: client.llen(KEY))
        (request,) = channel.take([QUEUE], 1)
        channel.answer(request, QueryVectors("model", b"", refusal="no memory"))
        with pytest.raises(StoreUnavailable, match="extractor is not available: no memory"):
            waiting.result()


@pytest.mark.parametrize("answer", [b"\xc1", msgpack.packb({"v": 99}), msgpack.packb([1])])
def test_an_answer_of_another_version_is_no_answer(
    channel: QueryChannel, client: redis.Redis, answer: bytes
) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(channel.ask, QUEUE, question(), TIMEOUT)
        until(lambda: client.llen(KEY))
        (request,) = channel.take([QUEUE], 1)
        client.rpush(request.reply, answer)
        with pytest.raises(StoreUnavailable, match="another version"):
            waiting.result()


def test_queries_and_answers_of_processes_that_died_run_out(channel: QueryChannel, client: redis.Redis) -> None:
    channel.answer(QueryRequest("imagesearch:answer:gone", question()), QueryVectors("model", b""))
    assert 0 < client.ttl("imagesearch:answer:gone") <= TIMEOUT
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(channel.ask, QUEUE, question(), TIMEOUT)
        until(lambda: client.llen(KEY))
        assert 0 < client.ttl(KEY) <= UNCLAIMED_SECONDS
        (request,) = channel.take([QUEUE], 1)
        channel.answer(request, answering(request))
        waiting.result()


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"\xc1",
        HEAD + b"\xc1",
        HEAD + msgpack.packb(5),
        HEAD + msgpack.packb({"reply": "x"}),
        HEAD + msgpack.packb({"reply": "x", "query": {"v": 99}}),
        HEAD + msgpack.packb({"query": question().to_wire()}),
    ],
    ids=["nothing", "no count", "no msgpack", "no map", "no query", "another version", "nowhere to answer"],
)
def test_garbage_costs_no_query(channel: QueryChannel, client: redis.Redis, entry: bytes) -> None:
    good = HEAD + msgpack.packb({"reply": "imagesearch:answer:good", "query": question().to_wire()})
    client.rpush(KEY, entry, good)
    assert [request.reply for request in channel.take([QUEUE], 5)] == ["imagesearch:answer:good"]


def test_a_server_that_hangs_is_asked_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        channel = channel_at(server.getsockname()[1])
        with pytest.raises(StoreUnavailable, match="TimeoutError"):
            channel.ask(QUEUE, question(), 10)
        # The kernel takes connections by itself, and nobody ever reads from them.
        server.setblocking(False)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_server_that_is_away_is_told_as_such() -> None:
    port = kept_port()
    for call in (lambda channel: channel.take([QUEUE], 1), lambda channel: channel.ask(QUEUE, question(), 10)):
        with pytest.raises(StoreUnavailable, match="ConnectionError"):
            call(channel_at(port))


def channel_at(port: int) -> QueryChannel:
    settings = RedisSettings(redis_url=f"redis://127.0.0.1:{port}/0", redis_timeout=0.3)
    return QueryChannel(create_redis(settings), settings)
