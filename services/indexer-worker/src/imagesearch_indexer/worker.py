"""Compose the indexer and run it as a Celery worker: consume `index` and `plan`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import TypeVar

import structlog
from celery import Celery

import imagesearch
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import wait_until_current
from imagesearch.contract import (
    CancelJob,
    Findings,
    FinishDeletes,
    IndexBatch,
    PlanJob,
    Queue,
    Reconcile,
    TaskName,
)
from imagesearch.errors import StoreUnavailable
from imagesearch.files.roots import Roots
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, register, send
from imagesearch.messaging.claims import BatchClaims, InFlight
from imagesearch.messaging.progress import CeleryProgressBoard
from imagesearch.retry import retry_transient
from imagesearch.settings import MilvusSettings, PostgresSettings, RedisSettings, SourceSettings
from imagesearch.telemetry import TelemetrySettings, configure, log_settings
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch.worker.heartbeat import Liveness, WorkerSettings
from imagesearch.worker.registry import WorkerRegistry, WorkerReport
from imagesearch.worker.run import run_worker, worker_name
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.ingest.planner import plan_job
from imagesearch_indexer.lifecycle.cancel import close_cancelled
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.settings import IndexerSettings

log = structlog.get_logger()

T = TypeVar("T")

QUEUES = (Queue.INDEX, Queue.PLAN)


def register_tasks(app: Celery, indexer: Indexer, claims: BatchClaims) -> None:
    """Register every task of the indexer; each waits for stores that are away until the process stops."""

    def with_retry(doing: str, action: Callable[[], T]) -> T:
        return retry_transient(action, indexer.stopping, doing=doing)

    def index(message: IndexBatch) -> Findings:
        with claims.claimed(Queue.INDEX, message.batch_id):
            with_retry("index", lambda: index_batch(indexer, message))
        return Findings.single("indexed", len(message.images))

    def plan(message: PlanJob) -> None:
        with_retry("plan", lambda: plan_job(indexer, message))

    def cancel(message: CancelJob) -> None:
        with_retry("cancel", lambda: close_cancelled(indexer, message.job_id))

    def delete(message: FinishDeletes) -> Findings:
        removed = with_retry("delete", lambda: finish_deletes(indexer, message.collection_id))
        return Findings.single("deleted", removed)

    def repair(message: Reconcile) -> Findings:
        try:
            return reconcile(indexer, message)
        except StoreUnavailable as error:
            # The scheduler asks again soon; waiting here would only keep a thread from its work.
            log.warning("reconcile.put_off", reason=str(error))
            return Findings.single("store_unavailable", 1)

    register(app, TaskName.INDEX, IndexBatch, index, answers=True)
    register(app, TaskName.PLAN, PlanJob, plan)
    register(app, TaskName.CANCEL, CancelJob, cancel)
    register(app, TaskName.DELETE, FinishDeletes, delete, answers=True)
    register(app, TaskName.RECONCILE, Reconcile, repair, answers=True)


def run() -> int:
    """Run the worker until it is told to stop; return its exit code."""
    with ExitStack() as resources:
        return _run(resources)


def _run(resources: ExitStack) -> int:
    postgres, redis, milvus = PostgresSettings(), RedisSettings(), MilvusSettings()
    sources, settings, workers = SourceSettings(), IndexerSettings(), WorkerSettings()
    resources.enter_context(closing(configure("indexer", TelemetrySettings())))
    log_settings(postgres, redis, milvus, sources, settings, workers)
    app, name = create_celery(redis), worker_name("indexer")
    resources.callback(close_celery, app)
    client = resources.enter_context(closing(create_redis(redis)))
    liveness, claims = Liveness(name, settings.indexer_threads), BatchClaims(client, name)
    indexer = Indexer(
        catalog=resources.enter_context(closing(Catalog(postgres))),
        vectors=resources.enter_context(closing(MilvusVectorStore(milvus))),
        progress=CeleryProgressBoard(app),
        in_flight=InFlight(client),
        send=lambda task, message, task_id: send(app, task, message, task_id=task_id),
        roots=Roots.of(sources),
        settings=settings,
        stopping=liveness.stopping,
    )
    register_tasks(app, indexer, claims)
    wait_until_current(indexer.catalog, liveness.stopping)
    retry_transient(indexer.vectors.ping, liveness.stopping, doing="reach milvus")
    return run_worker(
        app,
        liveness=liveness,
        queues=QUEUES,
        report=lambda consumed_at: WorkerReport(
            name=name,
            queues=tuple(queue.value for queue in QUEUES),
            version=imagesearch.__version__,
            model=None,
            weights=None,
            untrained=False,
            seen_at=time.time(),
            consumed_at=consumed_at,
        ),
        registry=WorkerRegistry(client),
        claims=claims,
        settings=workers,
    )
