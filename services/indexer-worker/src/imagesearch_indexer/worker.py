"""Compose the indexer and run it as a Celery worker: consume `index`, `plan` and `reconcile`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing

from celery import Celery

import imagesearch
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import wait_until_current
from imagesearch.contract import JobKind, Queue, TaskName
from imagesearch.files.exports import exports_of
from imagesearch.files.roots import Roots
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.messaging.claims import BatchClaims, InFlight
from imagesearch.messaging.progress import CeleryProgressBoard
from imagesearch.outgoing.connection import Dialler
from imagesearch.outgoing.lookups import Lookups
from imagesearch.retry import retry_transient
from imagesearch.settings import (
    CallbackSettings,
    ExportSettings,
    MilvusSettings,
    PostgresSettings,
    RedisSettings,
    SourceSettings,
)
from imagesearch.telemetry import TelemetrySettings, configure, log_settings
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch.wire import Message
from imagesearch.worker.facts import facts_of
from imagesearch.worker.heartbeat import Liveness, WorkerSettings
from imagesearch.worker.registry import WorkerRegistry, WorkerReport
from imagesearch.worker.run import run_worker, worker_name
from imagesearch_indexer.callbacks.courier import Courier
from imagesearch_indexer.callbacks.delivery import Delivery
from imagesearch_indexer.callbacks.secrets import Secrets
from imagesearch_indexer.callbacks.settings import DeliverySettings
from imagesearch_indexer.composition import Indexer, Kind, Send
from imagesearch_indexer.settings import IndexerSettings

QUEUES = (Queue.INDEX.value, Queue.PLAN.value, Queue.RECONCILE.value)

RegisterTasks = Callable[[Celery, Indexer, BatchClaims], None]


def run(kinds: Mapping[JobKind, Kind], register_tasks: RegisterTasks) -> int:
    """Run the worker until it is told to stop; return its exit code.

    Args:
        kinds: what each kind of job does in its own way.
        register_tasks: tells Celery what each message is answered with.
    """
    with ExitStack() as resources:
        return _run(resources, kinds, register_tasks)


def _run(resources: ExitStack, kinds: Mapping[JobKind, Kind], register_tasks: RegisterTasks) -> int:
    postgres, redis, milvus = PostgresSettings(), RedisSettings(), MilvusSettings()
    sources, settings, workers = SourceSettings(), IndexerSettings(), WorkerSettings()
    resources.enter_context(closing(configure("indexer", TelemetrySettings())))
    hosts, delivery, export_settings = CallbackSettings(), DeliverySettings(), ExportSettings()
    log_settings(postgres, redis, milvus, sources, export_settings, settings, workers, hosts, delivery)
    app, name = create_celery(redis), worker_name("indexer")
    resources.callback(close_celery, app)
    client = resources.enter_context(closing(create_redis(redis)))
    liveness, claims = Liveness(name, settings.threads), BatchClaims(client, name)
    registry = WorkerRegistry(client)
    indexer = Indexer(
        catalog=resources.enter_context(closing(Catalog(postgres, service="indexer"))),
        vectors=resources.enter_context(closing(MilvusVectorStore(milvus))),
        progress=CeleryProgressBoard(app),
        in_flight=InFlight(client),
        send=sender(app),
        roots=Roots.of(sources),
        settings=settings,
        kinds=kinds,
        exports=exports_of(export_settings, sources),
        workers=registry.alive,
        claims_hold=lambda: liveness.has_settled,
        stopping=liveness.stopping,
    )
    register_tasks(app, indexer, claims)
    wait_until_current(indexer.catalog, liveness.stopping)
    retry_transient(indexer.vectors.ping, liveness.stopping, doing="reach milvus")
    _deliver_callbacks(resources, indexer, hosts, delivery)
    return run_worker(
        app,
        liveness=liveness,
        queues=QUEUES,
        report=WorkerReport(
            name=name,
            queues=QUEUES,
            version=imagesearch.__version__,
            model=None,
            weights=None,
            untrained=False,
            concurrency=settings.indexer_threads,
        ),
        registry=registry,
        claims=claims,
        settings=workers,
        limits={Queue.PLAN.value: settings.planner_threads, Queue.RECONCILE.value: 1},
        facts=facts_of(indexer.roots),
    )


def _deliver_callbacks(
    resources: ExitStack, indexer: Indexer, hosts: CallbackSettings, settings: DeliverySettings
) -> None:
    """Deliver callbacks beside everything else, where somebody may be called back.

    Raises:
        SecretMissing: there is nothing to sign with.
    """
    if not hosts.callback_hosts:
        return
    secrets = Secrets(hosts.secrets_by_host(), settings.callback_secrets_dir)
    secrets.check()
    lookups = resources.enter_context(closing(Lookups()))
    delivery = Delivery(indexer.catalog, Dialler(lookups), secrets, settings.callback_timeout, settings.patience)
    courier = resources.enter_context(closing(Courier(delivery, indexer.stopping)))
    courier.start()


def sender(app: Celery) -> Send:
    """Return what publishes messages."""

    def publish(task: TaskName, message: Message, task_id: str | None = None, *, queue: str | None = None) -> None:
        send(app, task, message, task_id=task_id, queue=queue)

    return publish
