"""Reindex on the real Milvus, from one index type into each other, while callers search and jobs write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event, Thread

import pytest

from imagesearch.catalog import collections
from imagesearch.contract import JobState, PlanJob
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch_indexer.tasks import plan_job
from support.milvus_servers import HAS_MILVUS, MilvusServer
from support.milvus_stores import settings_of
from support.reindexing import check_whole, filled, finish, meddle
from support.world import World, vector_of

pytestmark = [
    pytest.mark.integration,
    pytest.mark.milvus,
    pytest.mark.skipif(not HAS_MILVUS, reason="the wheel `milvus` is not installed"),
]

SMOOTH = Preprocessing(resize="bilinear")


@pytest.fixture(scope="module")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    server = MilvusServer(tmp_path_factory.mktemp("milvus") / "server")
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture
def world(world: World, milvus: MilvusServer) -> Iterator[World]:
    """An indexer on the real Milvus, which keeps what a reindex replaced for as long as searches may need it."""
    store = MilvusVectorStore(settings_of(milvus, timeout=30))
    yield replace(
        world,
        vectors=store,
        settings=world.settings.model_copy(update={"plan_slice": 500, "retire_seconds": 60.0}),
    )
    store.close()


def drop_retired(world: World) -> World:
    return replace(world, settings=world.settings.model_copy(update={"retire_seconds": 0.0}))


class Searcher:
    """Search as the API does, over and over, for pictures that nobody touches."""

    def __init__(self, world: World, milvus: MilvusServer) -> None:
        self._world = world
        self._store = MilvusVectorStore(settings_of(milvus, timeout=30))
        self._stop = Event()
        self._thread = Thread(target=self._run)
        self.searches = 0
        self.used: set[str] = set()
        self.wrong: list[str] = []

    def __enter__(self) -> Searcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._store.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            index = 10 + self.searches % 10
            with self._world.catalog.transaction() as tx:
                collection = collections.get(tx, "default")
            self.used.add(collection.vector_collection)
            query = vector_of(f"{index:03}.jpg".encode(), collection.preprocessing.to_dict())
            try:
                (hits,) = self._store.search(collection.vector_collection, query[None, :], limit=5)
            except Exception as error:  # noqa: BLE001 - whatever it is, the search failed
                self.wrong.append(repr(error))
                return
            if len(hits) < 5 or hits[0].distance > 0.001:
                self.wrong.append(f"{index}: {hits} in {collection.vector_collection}")
            self.searches += 1


@pytest.mark.parametrize("preprocessing", [Preprocessing(), SMOOTH], ids=["copy", "extract"])
def test_searches_never_notice_a_reindex(world: World, milvus: MilvusServer, preprocessing: Preprocessing) -> None:
    filled(world, 60)
    first = world.collection().vector_collection
    with Searcher(world, milvus) as searcher:
        job_id = world.submit_reindex(preprocessing=preprocessing, index_type="HNSW")
        plan_job(world.indexer, PlanJob(job_id))
        meddle(world)
        job = finish(world, job_id)
        second = world.collection().vector_collection
        while second not in searcher.used and searcher._thread.is_alive():
            finish(world, job_id)
    assert searcher.wrong == []
    assert {first, second} <= searcher.used
    assert job.state in (JobState.SUCCEEDED, JobState.COMPLETED_WITH_FAILURES)
    finish(drop_retired(world), drop_retired(world).submit_reindex())
    world.vectors.drop_collection(first)
    world.vectors.drop_collection(second)


@pytest.mark.parametrize("index_type", ["HNSW", "IVF_SQ8", "FLAT", "AUTOINDEX"])
def test_vectors_are_copied_into_each_index_type(world: World, index_type: str) -> None:
    world = drop_retired(world)
    filled(world, 40)
    world.inferences = 0
    job = finish(world, world.submit_reindex(index_type=index_type))
    assert (job.state, job.indexed, world.inferences) == (JobState.SUCCEEDED, 40, 0)
    assert world.collection().index_type == index_type
    check_whole(world)


@pytest.mark.parametrize("preprocessing", [Preprocessing(), SMOOTH], ids=["copy", "extract"])
def test_what_is_written_during_a_build_is_in_it(world: World, preprocessing: Preprocessing) -> None:
    world = drop_retired(world)
    filled(world, 40)
    job_id = world.submit_reindex(preprocessing=preprocessing)
    plan_job(world.indexer, PlanJob(job_id))
    meddle(world)
    finish(world, job_id)
    check_whole(world, preprocessing)
