"""Measure what the indexer does of the product: planning a folder, and writing the answers to batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

from pymilvus import MilvusClient

from bench.bare.stores import Postgres, upserted
from bench.ground import Ground, be_quiet
from bench.milvus.features import noise
from bench.ratio import Ratio, in_turns, seconds
from bench.scale.batches import answered
from bench.scale.ground import indexing
from bench.scale.planning import WRITTEN_NS
from bench.sizes import Sizes
from imagesearch.catalog import collections, jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import migrate
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import ExtractBatch, PlanJob, Vectors, pack_vectors
from imagesearch.networks import VGG16
from imagesearch.settings import MilvusSettings, PostgresSettings, RedisSettings
from imagesearch.vectors import IndexSpec
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.settings import IndexerSettings
from imagesearch_indexer.tasks import plan_job
from support import seeding
from support.stores import running_stores

IN_FOLDER: Final = 500
BATCH: Final = IndexerSettings().batch_size
MILVUS_TIMEOUT: Final = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Say where the stores are, so that a process of its own works on them: what has loaded TensorFlow is slower.

    Attributes:
        folder: an empty one.
    """

    postgres: PostgresSettings
    redis: RedisSettings
    milvus: str
    folder: Path
    sizes: Sizes


def measure_planning(ground: Ground) -> None:
    """Measure planning a folder of files: that nobody knows, and that are indexed as they are."""
    for name, ratio in _apart(ground, "planning", planning).items():
        ground.board.ratio(name, ratio, "s of the least and of planning", files=ground.sizes.planned)


def measure_writing(ground: Ground) -> None:
    """Measure writing the answers to batches, into a real Milvus."""
    ratio = _apart(ground, "writing", writing)
    rows = ground.sizes.batches * BATCH
    ground.board.ratio("index_efficiency", ratio, "s of the least and of the index task", rows=rows)


def _apart(ground: Ground, name: str, work: Callable[[Place], T]) -> T:
    folder = ground.folder / name
    (folder / "library").mkdir(parents=True)
    milvus = ground.milvus.uri
    with (
        running_stores(folder) as stores,
        ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=be_quiet) as pool,
    ):
        place = Place(stores.create_database(), stores.redis, milvus, folder / "library", ground.sizes)
        return pool.submit(work, place).result()


@dataclass(frozen=True, slots=True)
class _Bench:
    """Hold an indexer, the batches that it has sent, and a plain connection to its catalogue."""

    indexer: Indexer
    sent: list[ExtractBatch]
    postgres: Postgres
    numbers: Iterator[int]

    def collection(self) -> tuple[int, str]:
        """Make a collection; return its id and its name in Milvus."""
        with self.indexer.catalog.transaction() as tx:
            made, _ = collections.create(tx, f"bench-{next(self.numbers)}")
        return made.id, made.vector_collection

    def job(self, collection_id: int, folder: Path) -> str:
        """Ask for a job over a folder, and return its id."""
        job = jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory=str(folder))
        with self.indexer.catalog.transaction() as tx:
            jobs.create(tx, collection_id, job)
        return job.id

    def plan(self, job_id: str) -> jobs.Job:
        """Plan a job to its end as the indexer does, task by task; return it."""
        while (job := self.seen(job_id)).planned_at is None:
            plan_job(self.indexer, PlanJob(job_id))
        return job

    def seen(self, job_id: str) -> jobs.Job:
        """Return a job."""
        with self.indexer.catalog.reading() as tx:
            return jobs.get(tx, job_id)

    def cancel(self, job_id: str) -> None:
        """End a job, so that the next one finds the room that this one has taken."""
        self.put_aside(job_id)
        while self.seen(job_id).finished_at is None:
            close_cancelled(self.indexer, job_id)
        self.sent.clear()

    def put_aside(self, job_id: str) -> None:
        """Have nobody work on a job whose rows were written past it: its counters do not know them."""
        with self.indexer.catalog.transaction() as tx:
            jobs.cancel(tx, job_id)


@contextmanager
def _opened(place: Place) -> Iterator[_Bench]:
    with ExitStack() as resources:
        with closing(Catalog(place.postgres)) as catalog:
            migrate(catalog)
        store = MilvusVectorStore(MilvusSettings(milvus_uri=place.milvus, milvus_timeout=MILVUS_TIMEOUT))
        resources.callback(store.close)
        indexer, sent = resources.enter_context(
            indexing(place.postgres, place.redis, place.folder.parent, store, IndexerSettings())
        )
        postgres = resources.enter_context(closing(Postgres(place.postgres.database_url)))
        yield _Bench(indexer, sent, postgres, count())


def planning(place: Place) -> dict[str, Ratio]:
    """Plan a folder again and again, each time beside a bare walk over it and a COPY of the same rows."""
    folder, files, rounds = place.folder / "planned", place.sizes.planned, place.sizes.plans
    lay_out(folder, files)
    with _opened(place) as bench:

        def new() -> float:
            job_id = bench.job(bench.collection()[0], folder)
            took = seconds(partial(bench.plan, job_id))
            _require(bench.seen(job_id).total == files, "planning lists something else")
            bench.cancel(job_id)
            return took

        def least_of_new() -> float:
            collection_id, _ = bench.collection()
            job_id = bench.job(collection_id, folder)
            took = seconds(lambda: bench.postgres.copy_planned(collection_id, job_id, walked(folder), BATCH))
            bench.put_aside(job_id)
            return took

        first = in_turns(rounds, new, least_of_new)
        known, _ = bench.collection()
        bench.cancel(_planned(bench, known, folder))
        with bench.indexer.catalog.transaction() as tx:
            seeding.mark_indexed(tx, known, str(folder), WRITTEN_NS)
            seeding.analyze(tx)
        ids = bench.postgres.ids(known, walked(folder))

        def again() -> float:
            job_id = bench.job(known, folder)
            took = seconds(partial(bench.plan, job_id))
            _require(bench.seen(job_id).unchanged == files, "a file was not found as it is")
            return took

        def least_of_again() -> float:
            job_id = bench.job(bench.collection()[0], folder)
            took = seconds(lambda: bench.postgres.copy_unchanged(job_id, walked(folder), ids))
            bench.put_aside(job_id)
            return took

        second = in_turns(rounds, again, least_of_again)
    return {"plan_new": first.inverted(), "plan_unchanged": second.inverted()}


def writing(place: Place) -> Ratio:
    """Index batches, beside a bare upsert and a COPY of rows for each of as many."""
    number = place.sizes.batches
    # So many are on their way when the last one has been measured, and answered behind it.
    folder, files = place.folder / "indexed", (number + IndexerSettings().window) * BATCH
    lay_out(folder, files)
    paths = walked(folder)
    vectors = noise(number * BATCH, seed=1).reshape(number, BATCH, VGG16.dimension)
    with _opened(place) as bench, closing(MilvusClient(place.milvus, dedicated=True)) as milvus:
        keys = count(1)

        def indexed() -> float:
            job_id = _planned(bench, bench.collection()[0], folder)
            took = sum(_answer(bench, part) for part in vectors)
            while bench.sent:
                _answer(bench, vectors[0])
            _require(bench.seen(job_id).indexed == files, "a picture was not indexed")
            return took

        def least() -> float:
            collection_id, name = bench.collection()
            bench.indexer.vectors.ensure_collection(name, IndexSpec(), VGG16.dimension)
            took = 0.0
            for at, part in enumerate(vectors):
                some, drawn = paths[at * BATCH : (at + 1) * BATCH], [next(keys) for _ in range(BATCH)]
                took += seconds(partial(upserted, milvus, name, drawn, part))
                took += seconds(partial(bench.postgres.copy_indexed, collection_id, some, drawn, uuid4().hex * 2))
            return took

        # The first of each makes connections.
        indexed()
        least()
        return in_turns(place.sizes.index_rounds, indexed, least).inverted()


def _planned(bench: _Bench, collection_id: int, folder: Path) -> str:
    job_id = bench.job(collection_id, folder)
    bench.plan(job_id)
    return job_id


def _answer(bench: _Bench, vectors: Vectors) -> float:
    """Have the oldest batch that was sent indexed, and return the seconds that this took."""
    answer = replace(answered(bench.sent.pop(0)), vectors=pack_vectors(vectors))
    return seconds(partial(index_batch, bench.indexer, answer))


def lay_out(folder: Path, files: int) -> None:
    """Make a tree of so many empty files, all written at one moment."""
    for number in range(files):
        if number % IN_FOLDER == 0:
            inner = folder / f"{number // IN_FOLDER:04}"
            inner.mkdir(parents=True)
        path = f"{inner}/{number:09}.jpg"
        os.close(os.open(path, os.O_CREAT))
        os.utime(path, ns=(WRITTEN_NS, WRITTEN_NS))


def walked(folder: Path | str) -> list[str]:
    """Return the paths of the files below a folder, each looked at: the least that planning has to do."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found += walked(entry.path)
            else:
                entry.stat()
                found.append(entry.path)
    return found


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)
