"""A vector server that dies, hangs or comes back: errors at once, nothing acknowledged lost, and on it goes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagesearch.errors import StoreUnavailable
from imagesearch.networks import VGG16
from imagesearch.vectors import IndexSpec, connection
from imagesearch.vectors.milvus import MilvusVectorStore
from support.milvus_servers import HAS_MILVUS, LiteServer, MilvusServer, Server
from support.milvus_stores import settings_of
from support.vector_contract import unit_vectors, write
from support.waiting import TIMEOUT, until

pytestmark = pytest.mark.integration

LONG_SECONDS = 60.0
"""A timeout that nothing here may wait for: what is refused is refused at once, even on a busy machine."""
NAME = "faults"
REAL = pytest.param(
    "milvus",
    marks=[pytest.mark.milvus, pytest.mark.skipif(not HAS_MILVUS, reason="the wheel `milvus` is not installed")],
)


@pytest.fixture(params=["lite", REAL])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    made: Server = (
        LiteServer(tmp_path / "server") if request.param == "lite" else MilvusServer(tmp_path / "server")
    )
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture
def store(server: Server) -> Iterator[MilvusVectorStore]:
    made = MilvusVectorStore(settings_of(server, timeout=LONG_SECONDS))
    made.ensure_collection(NAME, IndexSpec(), VGG16.dimension)
    yield made
    made.close()


def seconds_until_refused(action: Callable[[], object]) -> float:
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="milvus is not available"):
        action()
    return time.monotonic() - begun


def answers(action: Callable[[], object]) -> bool:
    try:
        action()
    except StoreUnavailable:
        return False
    return True


def test_what_was_acknowledged_survives_a_crash(server: Server, store: MilvusVectorStore) -> None:
    vectors = unit_vectors(1, 2_500)
    write(store, NAME, list(range(2_500)), vectors, partitions=["a", "b"] * 1_250)
    store.compact(NAME)
    write(store, NAME, list(range(100)), vectors[:100], partitions=["c"] * 100)
    store.delete(NAME, list(range(2_400, 2_500)))
    server.kill()

    query = vectors[:1]
    for use in (
        lambda: store.search(NAME, query, limit=1),
        lambda: store.count(NAME, strong=True),
        lambda: store.upsert(NAME, [1], query, [""], [{}]),
        lambda: store.delete(NAME, [1]),
        lambda: store.keys(NAME),
        lambda: store.ensure_collection(NAME, IndexSpec(), VGG16.dimension),
        store.ping,
    ):
        assert seconds_until_refused(use) < LONG_SECONDS / 2

    server.start()
    until(lambda: answers(lambda: store.count(NAME, strong=True)))
    assert store.count(NAME, strong=True) == 2_400
    assert store.keys(NAME) == list(range(1, 2_400))
    until(lambda: answers(lambda: store.search(NAME, query, limit=1)))
    assert [hit.key for hit in store.search(NAME, vectors[50:51], limit=1)[0]] == [50]
    assert len(store.search(NAME, query, limit=200, partition="c")[0]) == 100
    assert len(store.search(NAME, query, limit=2_000, partition="a")[0]) == 1_150
    write(store, NAME, [9_000], query)
    assert store.count(NAME) == 2_401


def test_a_store_that_starts_before_its_server_waits_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", LONG_SECONDS)
    server = LiteServer(tmp_path / "server")
    store = MilvusVectorStore(settings_of(server, timeout=LONG_SECONDS))
    for _ in range(3):
        assert seconds_until_refused(store.ping) < LONG_SECONDS / 2
    try:
        server.start()
        store.ping()
        assert store.capabilities.one_writer
    finally:
        store.close()
        server.end()


def test_a_server_that_hangs_holds_nobody_longer_than_the_timeout(tmp_path: Path) -> None:
    server = LiteServer(tmp_path / "server")
    try:
        server.start()
        store, other, fresh = (MilvusVectorStore(settings_of(server, timeout=1.0)) for _ in range(3))
        for connected in (store, other):
            until(
                lambda connected=connected: answers(
                    lambda: connected.ensure_collection(NAME, IndexSpec(), VGG16.dimension)
                )
            )
        server.pause()
        alone = seconds_until_refused(lambda: other.count(NAME))
        begun = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: seconds_until_refused(lambda: store.count(NAME)), range(8)))
        # One after the other they would take eight times as long as one alone.
        assert time.monotonic() - begun < 4 * alone
        assert seconds_until_refused(fresh.ping) < 4 * alone
        server.resume()
        until(lambda: answers(lambda: store.count(NAME)))
        until(lambda: answers(fresh.ping))
        for made in (store, other, fresh):
            made.close()
    finally:
        server.end()


FORKING = """
import os, sys
from imagesearch.settings import MilvusSettings
from imagesearch.vectors.milvus import MilvusVectorStore
store = MilvusVectorStore(MilvusSettings(milvus_uri=sys.argv[1], milvus_lite=True))
store.ping()
child = os.fork()
if not child:
    store.ping()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
store.ping()
"""


def test_a_connected_store_works_in_a_forked_child(tmp_path: Path) -> None:
    server = LiteServer(tmp_path / "server")
    try:
        server.start()
        subprocess.run([sys.executable, "-c", FORKING, server.uri], check=True, timeout=TIMEOUT)
    finally:
        server.end()
