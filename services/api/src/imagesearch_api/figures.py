"""Measure the system as a whole when Prometheus asks: stores, queues, workers, jobs, disks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from threading import Lock

import redis
import structlog
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from imagesearch.catalog import jobs, tombstones
from imagesearch.catalog.engine import Catalog
from imagesearch.contract import Queue
from imagesearch.errors import StoreFull, StoreUnavailable
from imagesearch.files.roots import UploadStore
from imagesearch.files.uploaded_objects import UploadedObjects
from imagesearch.files.uploads import Uploads
from imagesearch.messaging import backlog
from imagesearch.messaging.room import require_room
from imagesearch.metrics import (
    DISK_BYTES,
    DISK_FREE_BYTES,
    JOBS_OPEN,
    JOBS_STALLED,
    QUEUE_MESSAGES,
    REDIS_MEMORY_BYTES,
    REDIS_MEMORY_LIMIT_BYTES,
    STORE_UP,
    VECTORS_BURIED,
    VECTORS_BURIED_AGE,
    WORKERS,
)
from imagesearch.vectors import VectorStore
from imagesearch.worker.registry import WorkerRegistry
from imagesearch_api import metrics_directory
from imagesearch_api.networks import consumes

log = structlog.get_logger()

MAX_SECONDS = 4.0
"""A store that has not answered by then is shown as down: Prometheus itself gives up after ten."""
MAX_COUNTED = 100_000
"""Rows that are looked at to count some: what is more than that is as bad."""

Measure = Callable[[], Sequence[Metric]]


class SystemFigures(Collector):
    """Ask each store for its figures at the same time; one that is away or hangs costs only its own.

    Args:
        measures: what to ask, by the name of the store.
    """

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        self._measures = measures
        self._lock = Lock()
        self._asked: dict[str, Future[Sequence[Metric] | None]] = {}
        # Threads start with the first question: none would outlive the fork into a worker process.
        self._pool = ThreadPoolExecutor(max(1, len(measures)), thread_name_prefix="figures")

    def collect(self) -> Iterable[Metric]:
        """Return every figure that is known within a few seconds."""
        with self._lock:
            asked = {store: self._ask(store) for store in self._measures}
        wait(asked.values(), timeout=MAX_SECONDS)
        up = STORE_UP.family()
        for store, future in asked.items():
            found = future.result() if future.done() else None
            up.add_metric([store], found is not None)
            yield from found or ()
        yield up

    def close(self) -> None:
        """End the threads, once each has its answer."""
        self._pool.shutdown(cancel_futures=True)

    def _ask(self, store: str) -> Future[Sequence[Metric] | None]:
        """Return the question that is on its way, or ask anew: a store that hangs holds one thread."""
        asked = self._asked.get(store)
        if asked is None or asked.done():
            asked = self._asked[store] = self._pool.submit(self._measure, store)
        return asked

    def _measure(self, store: str) -> Sequence[Metric] | None:
        try:
            return self._measures[store]()
        except (StoreUnavailable, OSError) as error:
            log.warning("figures.not_measured", store=store, reason=str(error))
        except Exception:
            # Whatever is wrong with one store, the figures of the others are wanted all the more.
            log.exception("figures.failed", store=store)
        return None


def registry_of(figures: SystemFigures) -> CollectorRegistry:
    """Return what a process shows: the figures of the system, and what all workers of its gunicorn counted."""
    registry = CollectorRegistry()
    registry.register(figures)
    if metrics_directory.VARIABLE in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    return registry


def of_redis(client: redis.Redis) -> list[Metric]:
    """Return what waits, who works, and how full Redis is.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    messages, workers = QUEUE_MESSAGES.family(), WORKERS.family()
    alive = WorkerRegistry(client).alive()
    for queue, held in backlog.backlogs(client, {queue for worker in alive for queue in worker.queues}).items():
        messages.add_metric([queue.value, "waiting"], held.waiting)
        messages.add_metric([queue.value, "in_hand"], held.in_hand)
    for queue in Queue:
        workers.add_metric([queue.value], sum(consumes(worker, queue) for worker in alive))
    with suppress(StoreFull):
        # What is refused is counted, for the alert; the other figures are wanted all the more.
        require_room(client)
    memory = backlog.memory(client)
    return [messages, workers, REDIS_MEMORY_BYTES.at(memory.used), REDIS_MEMORY_LIMIT_BYTES.at(memory.limit)]


def of_postgres(catalog: Catalog) -> list[Metric]:
    """Return the open jobs, and the vectors that wait to be deleted.

    Raises:
        StoreUnavailable: Postgres does not answer.
    """
    with catalog.reading() as tx:
        counts = jobs.count_open(tx, limit=MAX_COUNTED)
        stalled = jobs.count_stalled(tx)
        buried = tombstones.count_up_to(tx, MAX_COUNTED)
        age = tombstones.waiting_for(tx)
    found = JOBS_OPEN.family()
    for (kind, state), count in counts.items():
        found.add_metric([kind.value, state.value], count)
    return [found, JOBS_STALLED.at(stalled), VECTORS_BURIED.at(buried), VECTORS_BURIED_AGE.at(age.total_seconds())]


def of_milvus(vectors: VectorStore) -> list[Metric]:
    """Return nothing but that Milvus answers.

    Raises:
        StoreUnavailable: it does not.
    """
    vectors.ping()
    return []


def places_of(uploads: UploadStore | None) -> dict[str, Path]:
    """Return where the API stores files: bodies of requests that are on their way, and uploads in a directory."""
    places = {"spool": Path(tempfile.gettempdir())}
    return {**places, "uploads": uploads.root} if isinstance(uploads, Uploads) else places


def of_objects(uploads: UploadedObjects) -> list[Metric]:
    """Return nothing but that the object store of uploads answers.

    Raises:
        StoreUnavailable: it does not.
    """
    uploads.ping()
    return []


def of_files(places: Mapping[str, Path]) -> list[Metric]:
    """Return how much room there is where files are stored, by the name of the place.

    Raises:
        OSError: a place cannot be looked at.
    """
    free, size = DISK_FREE_BYTES.family(), DISK_BYTES.family()
    for place, path in places.items():
        # The directory of uploads is made with the first of them.
        found = os.statvfs(next(there for there in (path, *path.parents) if there.exists()))
        free.add_metric([place], found.f_bavail * found.f_frsize)
        size.add_metric([place], found.f_blocks * found.f_frsize)
    return [free, size]
