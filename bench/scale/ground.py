"""Hold what operations are measured on: a seeded catalogue, real Postgres and Valkey, stand-ins for the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.scale.cpu import Servers
from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import Job
from imagesearch.contract import ExtractBatch, TaskName, Vectors
from imagesearch.files.roots import Roots
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.messaging.claims import InFlight
from imagesearch.messaging.progress import CeleryProgressBoard
from imagesearch.networks import VGG16
from imagesearch.settings import PostgresSettings, RedisSettings
from imagesearch.vectors import VectorStore
from imagesearch.vectors.memory import InMemoryVectorStore
from imagesearch.vectors.port import MAX_WINDOW, Hit
from imagesearch.wire import Message
from imagesearch.worker.registry import WorkerRegistry
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.settings import IndexerSettings
from imagesearch_indexer.tasks import KINDS

STEP = 0.1
"""Between two vectors, as an angle."""
NEAR = 1 - math.cos(STEP)
"""Between two vectors, as a distance."""
WINDOW = 64
"""Batches on their way at once: as many as one transaction leases."""


class NumberedVectors(InMemoryVectorStore):
    """Be a store whose one collection has the keys from 1 to a number, or none after it has lost them.

    Each vector is like those of the keys beside its own, so that all of them are one chain. What is written is
    forgotten.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self._fetched: dict[bytes, int] = {}

    def keys(self, name: str, *, after: int = 0, limit: int = MAX_WINDOW) -> list[int]:
        """Return the next keys."""
        return list(range(after + 1, min(after + limit, self.number) + 1))

    def fetch_vectors(
        self, name: str, keys: Sequence[int] | npt.NDArray[np.int64], *, strong: bool = False
    ) -> dict[int, npt.NDArray[np.float32]]:
        """Return vectors of which each is a step around a circle from the one before."""
        there = [int(key) for key in keys if key <= self.number]
        vectors = np.zeros((len(there), VGG16.dimension), np.float32)
        angles = STEP * np.array(there, dtype=np.float64)
        vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
        if len(self._fetched) > MAX_WINDOW:
            self._fetched.clear()
        self._fetched |= {vector.tobytes(): key for key, vector in zip(there, vectors, strict=True)}
        return dict(zip(there, vectors, strict=True))

    def search(self, name: str, vectors: Vectors, **_: Any) -> list[list[Hit]]:
        """Return what is like vectors that were fetched before."""
        return [self._like(self._fetched[vector.tobytes()]) for vector in vectors]

    def _like(self, key: int) -> list[Hit]:
        near = (key - 1, key, key + 1)
        return [Hit(other, abs(key - other) * NEAR) for other in near if 0 < other <= self.number]

    def upsert(
        self,
        name: str,
        keys: Sequence[int] | npt.NDArray[np.int64],
        vectors: Vectors,
        partitions: Sequence[str],
        metadata: Sequence[Mapping[str, Any]],
    ) -> None:
        """Take vectors, and keep none."""

    def delete(self, name: str, keys: Sequence[int] | npt.NDArray[np.int64]) -> None:
        """Have nothing of what was written."""

    def count(self, name: str, *, strong: bool = False) -> int:
        """Return how many there are."""
        return self.number


@dataclass(frozen=True, slots=True)
class Place:
    """Say where a catalogue lies, so that any process can work on it.

    Attributes:
        size: how many images its collection has, and paths its job.
        most: paths of which each operation is measured.
        folder: under which the images lie; they are no files.
        job_id: the job that operations work on.
    """

    size: int
    most: int
    postgres: PostgresSettings
    redis: RedisSettings
    servers: Servers
    collection_id: int
    folder: Path
    job_id: str = ""


@dataclass(frozen=True)
class Ground:
    """Hold a catalogue with a collection of `size` images below `folder`, and who works on it.

    Attributes:
        workers: the registry of live ones, of which there are none.
        sent: the batches that were sent.
        job_id: the job that is worked on, where there is one.
    """

    size: int
    catalog: Catalog
    vectors: NumberedVectors
    workers: WorkerRegistry
    collection_id: int
    folder: Path
    indexer: Indexer
    sent: list[ExtractBatch]
    job_id: str

    @property
    def job(self) -> Job:
        """Return the job as it is now."""
        with self.catalog.reading() as tx:
            return jobs.get(tx, self.job_id)

    def taken(self) -> list[ExtractBatch]:
        """Take what was sent to extractors."""
        found = list(self.sent)
        self.sent.clear()
        return found


@contextmanager
def indexing(
    postgres: PostgresSettings, redis: RedisSettings, root: Path, vectors: VectorStore, settings: IndexerSettings
) -> Iterator[tuple[Indexer, list[ExtractBatch]]]:
    """Yield an indexer, and the batches that it sends to extractors: they leave, and are kept here as well.

    Args:
        postgres: where the catalogue is.
        redis: where messages go.
        root: under which files may be read.
        vectors: where vectors go.
        settings: of the indexer.
    """
    with ExitStack() as resources:
        catalog = resources.enter_context(closing(Catalog(postgres)))
        client = resources.enter_context(closing(create_redis(redis)))
        app = create_celery(redis)
        resources.callback(close_celery, app)
        sent: list[ExtractBatch] = []

        def publish(
            task: TaskName, message: Message, task_id: str | None = None, *, queue: str | None = None
        ) -> None:
            send(app, task, message, task_id=task_id, queue=queue)
            if isinstance(message, ExtractBatch):
                sent.append(message)

        indexer = Indexer(
            catalog=catalog,
            vectors=vectors,
            progress=CeleryProgressBoard(app),
            in_flight=InFlight(client),
            send=publish,
            roots=Roots((root,)),
            settings=settings,
            kinds=KINDS,
            workers=WorkerRegistry(client).alive,
        )
        yield indexer, sent


@contextmanager
def opened(place: Place) -> Iterator[Ground]:
    """Yield the ground at a place as one process has it."""
    vectors, settings = NumberedVectors(place.size), IndexerSettings(window=WINDOW)
    with (
        closing(create_redis(place.redis)) as client,
        indexing(place.postgres, place.redis, place.folder.parent, vectors, settings) as (indexer, sent),
    ):
        yield Ground(
            place.size,
            indexer.catalog,
            vectors,
            WorkerRegistry(client),
            place.collection_id,
            place.folder,
            indexer,
            sent,
            place.job_id,
        )
