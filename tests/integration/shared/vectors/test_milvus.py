"""Milvus Lite and the real Milvus keep the contract of a vector store."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from imagesearch.networks import VGG16
from imagesearch.vectors import IndexSpec
from imagesearch.vectors.milvus import MilvusVectorStore
from support.filter_contract import FilterContract
from support.milvus_servers import HAS_MILVUS, LiteServer, MilvusServer
from support.milvus_stores import settings_of
from support.vector_contract import DeepPagesContract, VectorStoreContract, unit_vectors, write

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteServer]:
    server = LiteServer(tmp_path_factory.mktemp("lite") / "server")
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="module")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    server = MilvusServer(tmp_path_factory.mktemp("milvus") / "server")
    try:
        server.start()
        yield server
    finally:
        server.end()


class OnLite:
    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, lite: LiteServer) -> Iterator[MilvusVectorStore]:
        made = MilvusVectorStore(settings_of(lite, timeout=60))
        yield made
        made.close()


class OnLiteWithPartitionKey:
    """Lay partitions out as on servers from 2.4 on, which the binary of the wheel is not."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, lite: LiteServer) -> Iterator[MilvusVectorStore]:
        made = MilvusVectorStore(settings_of(lite, timeout=60), partition_key=True)
        yield made
        made.close()


@pytest.mark.milvus
@pytest.mark.skipif(not HAS_MILVUS, reason="the wheel `milvus` is not installed")
class OnMilvus:
    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, milvus: MilvusServer) -> Iterator[MilvusVectorStore]:
        made = MilvusVectorStore(settings_of(milvus, timeout=60))
        yield made
        made.close()


class TestLite(OnLite, VectorStoreContract):
    pass


class TestLitePages(OnLite, DeepPagesContract):
    DIMENSION = 64
    """Which rows a page holds hangs on their order alone, and this server takes long to take in long vectors."""


class TestLiteFilters(OnLite, FilterContract):
    pass


class TestLiteWithPartitionKey(OnLiteWithPartitionKey, VectorStoreContract):
    pass


class TestMilvus(OnMilvus, VectorStoreContract):
    pass


class TestMilvusPages(OnMilvus, DeepPagesContract):
    pass


class TestMilvusFilters(OnMilvus, FilterContract):
    pass


class OtherProcesses:
    def test_a_strong_count_waits_for_what_others_wrote(self, store: MilvusVectorStore) -> None:
        other = MilvusVectorStore(store.settings)
        store.ensure_collection("others", IndexSpec(), VGG16.dimension)
        for round_ in range(1, 4):
            other.upsert("others", [round_], unit_vectors(round_, 1), [""], [{}])
            assert store.count("others", strong=True) == round_
            assert store.search("others", unit_vectors(round_, 1), limit=1)[0][0].key == round_
        other.close()
        store.drop_collection("others")

    def test_a_strong_fetch_sees_what_others_wrote_and_deleted(self, store: MilvusVectorStore) -> None:
        other = MilvusVectorStore(store.settings)
        store.ensure_collection("others", IndexSpec(), VGG16.dimension)
        for key in range(1, 11):
            vectors = unit_vectors(key, 1)
            other.upsert("others", [key], vectors, [""], [{}])
            assert np.array_equal(store.fetch_vectors("others", [key], strong=True)[key], vectors[0])
            other.delete("others", [key])
            assert store.fetch_vectors("others", [key], strong=True) == {}
        other.close()
        store.drop_collection("others")

    def test_a_collection_that_nobody_waited_for_is_written_to_and_counted(self, store: MilvusVectorStore) -> None:
        store.ensure_collection("new", IndexSpec(), VGG16.dimension, wait=False)
        store.upsert("new", [1], unit_vectors(1, 1), [""], [{}])
        assert store.count("new", strong=True) == 1
        assert [hit.key for hit in store.search("new", unit_vectors(1, 1), limit=1)[0]] == [1]
        store.drop_collection("new")

    def test_a_collection_that_was_made_by_half_is_completed(self, store: MilvusVectorStore) -> None:
        store._create("half", VGG16.dimension)
        store.ensure_collection("half", IndexSpec("HNSW"), VGG16.dimension)
        write(store, "half", [1], unit_vectors(1, 1))
        assert [hit.key for hit in store.search("half", unit_vectors(1, 1), limit=1)[0]] == [1]
        store.drop_collection("half")


class TestLiteOthers(OnLite, OtherProcesses):
    pass


class TestMilvusOthers(OnMilvus, OtherProcesses):
    def test_processes_may_make_one_collection_at_once(self, store: MilvusVectorStore) -> None:
        stores = [MilvusVectorStore(store.settings) for _ in range(3)]
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda one: one.ensure_collection("both", IndexSpec(), VGG16.dimension), stores))
        assert [opened.count("both") for opened in stores] == [0, 0, 0]
        for opened in stores:
            opened.close()
        store.drop_collection("both")
