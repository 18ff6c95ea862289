"""Run an indexer and stand-in extractors in processes of their own, which speak the messages of the product."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Semaphore

from bench.scale.batches import MODEL, answered
from bench.scale.ground import NumberedVectors
from imagesearch.contract import ExtractBatch, Queue, TaskName
from imagesearch.files.roots import Roots
from imagesearch.messaging.broker import create_celery, create_redis, register, send
from imagesearch.messaging.claims import BatchClaims
from imagesearch.networks import VGG16, queues_of
from imagesearch.settings import MilvusSettings, PostgresSettings, RedisSettings
from imagesearch.worker.facts import facts_of
from imagesearch.worker.heartbeat import Liveness, WorkerSettings
from imagesearch.worker.registry import WorkerRegistry, WorkerReport
from imagesearch.worker.run import run_worker, worker_name
from imagesearch_indexer import worker
from imagesearch_indexer.tasks import KINDS, register_tasks
from support.waiting import until


class Forgetful(NumberedVectors):
    """Be a store that takes every vector, and keeps none."""

    def __init__(self, _: MilvusSettings) -> None:
        super().__init__(0)


@contextmanager
def indexer(postgres: PostgresSettings, redis: RedisSettings, root: Path, output: Path) -> Iterator[int]:
    """Run an indexer for as long as a block lasts; yield its process."""
    environment = {
        "DATABASE_URL": postgres.database_url,
        "REDIS_URL": redis.redis_url,
        "IMAGE_ROOTS": str(root),
        "MILVUS_URI": "http://127.0.0.1:1",
    }
    with _running(_index, environment, output) as process:
        yield process


@contextmanager
def extractors(redis: RedisSettings, number: int, seconds: float, output: Path) -> Iterator[None]:
    """Run so many extractors in one process; each holds two batches, and takes so many seconds for a picture."""
    environment = {"REDIS_URL": redis.redis_url, "EXTRACTORS": str(number), "SECONDS": str(seconds)}
    with _running(_extract, environment, output), closing(create_redis(redis)) as client:
        until(lambda: any(each.model == MODEL for each in WorkerRegistry(client).alive()))
        yield


@contextmanager
def _running(work: Callable[[], int], environment: Mapping[str, str], output: Path) -> Iterator[int]:
    process = get_context("spawn").Process(target=_run, args=(work, dict(environment), output))
    process.start()
    try:
        yield process.pid or 0
    finally:
        process.terminate()
        process.join(30)
        process.kill()


def _run(work: Callable[[], int], environment: Mapping[str, str], output: Path) -> None:
    os.environ.update(environment)
    with output.open("ab") as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        sys.exit(work())


def _index() -> int:
    vars(worker)["MilvusVectorStore"] = Forgetful
    return worker.run(KINDS, register_tasks)


def _extract() -> int:
    redis, number, seconds = RedisSettings(), int(os.environ["EXTRACTORS"]), float(os.environ["SECONDS"])
    app, client = create_celery(redis), create_redis(redis)
    # As the product's: while one batch is computed, the next one is in hand.
    liveness, networks = Liveness(worker_name("extractor"), 2 * number), Semaphore(number)
    claims = BatchClaims(client, liveness.name)

    def extract(batch: ExtractBatch) -> None:
        with claims.claimed(Queue.EXTRACT, batch.batch_id):
            with networks:
                liveness.stopping.wait(seconds * len(batch.items))
            answer = answered(batch)
            send(app, TaskName.INDEX, answer, task_id=claims.queued(Queue.INDEX.value, batch.batch_id))

    register(app, TaskName.EXTRACT, ExtractBatch, extract)
    report = WorkerReport(
        name=liveness.name,
        queues=queues_of(Queue.EXTRACT, MODEL),
        version="0",
        model=MODEL,
        weights="none",
        untrained=True,
        concurrency=liveness.concurrency,
        side=VGG16.side,
    )
    return run_worker(
        app,
        liveness=liveness,
        queues=report.queues,
        report=report,
        registry=WorkerRegistry(client),
        claims=claims,
        settings=WorkerSettings(),
        facts=facts_of(Roots(())),
    )
