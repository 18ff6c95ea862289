"""What goes wrong on a connection to Milvus, and what becomes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import grpc
import pytest
from pymilvus import MilvusException
from pymilvus.exceptions import ParamError

from imagesearch.errors import NotFound, StoreUnavailable
from imagesearch.settings import MilvusSettings
from imagesearch.vectors import connection
from imagesearch.vectors.connection import CollectionNotLoaded, MilvusConnection
from support.waiting import TIMEOUT


class Refused(grpc.RpcError):
    def __init__(self, status: grpc.StatusCode) -> None:
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._status

    def details(self) -> str:
        return "said the server"


class Client:
    """Stand in for pymilvus' client, which connects when it is made."""

    made = 0

    def __init__(self, uri: str, **options: Any) -> None:
        type(self).made += 1
        self.uri, self.options, self.closed = uri, options, False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def milvus(monkeypatch: pytest.MonkeyPatch) -> MilvusConnection:
    monkeypatch.setattr(connection, "MilvusClient", Client)
    monkeypatch.setattr(Client, "made", 0)
    return MilvusConnection(MilvusSettings(milvus_uri="http://localhost:1", milvus_timeout=2.0))


def failing(error: Exception) -> Any:
    def action(client: Any) -> None:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MilvusException(1, "service not ready"), StoreUnavailable),
        (MilvusException(2, "Fail connecting"), StoreUnavailable),
        (MilvusException(8, "rate limited"), StoreUnavailable),
        (MilvusException(503, "channel not available"), StoreUnavailable),
        (MilvusException(65535, "busy", retriable=True), StoreUnavailable),
        (MilvusException(grpc.StatusCode.UNAVAILABLE, "Retry timeout"), StoreUnavailable),
        (MilvusException(100, "collection not found"), NotFound),
        (MilvusException(101, "collection not loaded"), CollectionNotLoaded),
        (MilvusException(65535, "cannot parse expression"), MilvusException),
        (MilvusException(1100, "invalid parameter"), MilvusException),
        (ParamError(message="wrong type"), ParamError),
        (Refused(grpc.StatusCode.UNAVAILABLE), StoreUnavailable),
        (Refused(grpc.StatusCode.DEADLINE_EXCEEDED), StoreUnavailable),
        (Refused(grpc.StatusCode.RESOURCE_EXHAUSTED), StoreUnavailable),
        (Refused(grpc.StatusCode.INVALID_ARGUMENT), Refused),
        (Refused(grpc.StatusCode.UNAUTHENTICATED), Refused),
        (grpc.FutureTimeoutError(), StoreUnavailable),
        (ValueError("ours"), ValueError),
    ],
)
def test_failures_are_told_apart(milvus: MilvusConnection, error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught:
        milvus.call(failing(error), "c")
    assert type(caught.value) is expected
    if isinstance(caught.value, StoreUnavailable):
        assert caught.value.store == "milvus"
        assert caught.value.__cause__ is error


def test_it_connects_at_the_first_call_and_again_after_it_was_closed(milvus: MilvusConnection) -> None:
    assert Client.made == 0
    first = milvus.call(lambda client: client)
    assert milvus.call(lambda client: client) is first
    assert first.options == {"token": "", "server_pem_path": "", "timeout": 2.0, "dedicated": True}
    milvus.close()
    milvus.close()
    assert first.closed
    assert milvus.call(lambda client: client) is not first
    assert Client.made == 2


def test_a_forked_child_connects_anew_and_leaves_its_parents_client_alone(
    milvus: MilvusConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = milvus.call(lambda client: client)
    monkeypatch.setattr(connection.os, "getpid", lambda: -1)
    assert milvus.call(lambda client: client) is not parents
    assert not parents.closed


def test_while_the_server_is_away_one_thread_tries_and_the_others_fail_at_once(milvus: MilvusConnection) -> None:
    trying, answer = Event(), Event()

    def slow(client: Any) -> str:
        trying.set()
        assert answer.wait(TIMEOUT)
        return "back"

    with pytest.raises(StoreUnavailable, match="said the server"):
        milvus.call(failing(Refused(grpc.StatusCode.UNAVAILABLE)))
    with ThreadPoolExecutor(1) as threads:
        prober = threads.submit(milvus.call, slow)
        assert trying.wait(TIMEOUT)
        with pytest.raises(StoreUnavailable, match="said the server"):
            milvus.call(lambda client: "never called")
        answer.set()
        assert prober.result(TIMEOUT) == "back"
    assert milvus.call(lambda client: "called") == "called"


def test_a_slow_answer_does_not_shut_the_others_out(milvus: MilvusConnection) -> None:
    began, answer = Event(), Event()

    def slow(client: Any) -> None:
        began.set()
        assert answer.wait(TIMEOUT)

    with pytest.raises(StoreUnavailable):
        milvus.call(failing(Refused(grpc.StatusCode.DEADLINE_EXCEEDED)))
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(milvus.call, slow)
        assert began.wait(TIMEOUT)
        assert milvus.call(lambda client: "called") == "called"
        answer.set()
        first.result(TIMEOUT)
