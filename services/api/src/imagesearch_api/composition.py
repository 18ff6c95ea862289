"""Hold what the API's functions work with: built once a process, or by tests with twins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any

import redis
from flask import current_app

from imagesearch.catalog.engine import Catalog
from imagesearch.contract import TaskName
from imagesearch.files.roots import Roots
from imagesearch.files.uploads import Uploads
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.messaging.progress import CeleryProgressBoard, ProgressBoard
from imagesearch.messaging.query_channel import QueryChannel
from imagesearch.settings import MilvusSettings, PictureSettings, PostgresSettings, RedisSettings, SourceSettings
from imagesearch.telemetry import TelemetrySettings, configure, log_settings
from imagesearch.vectors import VectorStore
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch.wire import Message
from imagesearch.worker.registry import WorkerRegistry
from imagesearch_api.celery_rpc import CeleryAsker
from imagesearch_api.http.lanes import Lanes
from imagesearch_api.memory import Memory
from imagesearch_api.search.lookups import Lookups
from imagesearch_api.search.query_cache import QueryCache
from imagesearch_api.search.url_fetcher import UrlFetcher
from imagesearch_api.settings import ApiSettings

CHANGES = 4
"""Changes of images at once: half of the connections that one process keeps."""

Ask = Callable[[TaskName, Message, float], Any]


@dataclass(frozen=True)
class Services:
    """Bundle the stores, the ways to send messages, and the settings.

    Attributes:
        catalog: the catalogue, for everything but searches and checks of readiness.
        search_catalog: the same catalogue, with connections for these two alone.
        send: publishes a message under a task id; raises `StoreUnavailable`.
        ask: publishes a message, waits some seconds, and returns the answer's wire form; raises
            `StoreUnavailable` or `QueryTimeout`.
        queries: asks the query extractor for vectors.
        query_cache: remembers them.
        roots: directories under which pictures may be read.
        uploads: keeps uploaded pictures; None takes none.
        fetch: returns what lies at a URL; raises `UrlRefused`.
        lanes: bound the requests of each kind in flight.
        memory: bounds what they read and decode.
        changing: bounds the changes of images in flight, each of which holds a connection of the catalogue while
            it needs others: without a bound they could wait for each other.
        resources: what `close` closes.
    """

    catalog: Catalog
    search_catalog: Catalog
    vectors: VectorStore
    redis: redis.Redis
    progress: ProgressBoard
    workers: WorkerRegistry
    send: Callable[[TaskName, Message, str | None], None]
    ask: Ask
    queries: QueryChannel
    query_cache: QueryCache
    roots: Roots
    limits: PictureSettings
    settings: ApiSettings
    fetch: Callable[[str], bytes]
    lanes: Lanes
    memory: Memory
    uploads: Uploads | None = None
    changing: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(CHANGES))
    resources: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """End every thread and close every connection; a second time does nothing."""
        self.resources.close()


def current() -> Services:
    """Return the services of the application that answers the current request."""
    services: Services = current_app.extensions["services"]
    return services


def compose() -> Services:
    """Build the services from the environment; nothing connects yet."""
    postgres, redis_settings, milvus = PostgresSettings(), RedisSettings(), MilvusSettings()
    sources, limits, settings = SourceSettings(), PictureSettings(), ApiSettings()
    page = configure("api", TelemetrySettings())
    log_settings(postgres, redis_settings, milvus, sources, limits, settings)
    app, client = create_celery(redis_settings), create_redis(redis_settings)
    catalog, vectors, lookups = Catalog(postgres), MilvusVectorStore(milvus), Lookups()
    # One pool cannot reserve connections: slow reads and changes took them all, and searches got 503. In this pool
    # each place of the two lanes has a connection, and none of their requests takes two at a time.
    search_catalog = Catalog(postgres, most=settings.max_searches + settings.max_status)
    query_cache = QueryCache(client, settings.query_cache_seconds)
    resources = ExitStack()
    resources.callback(close_celery, app)
    # Closed from the last to the first: threads before the connections that they use.
    for resource in (page, client, catalog, search_catalog, vectors, lookups, query_cache):
        resources.callback(resource.close)
    return Services(
        catalog=catalog,
        search_catalog=search_catalog,
        vectors=vectors,
        redis=client,
        progress=CeleryProgressBoard(app),
        workers=WorkerRegistry(client),
        send=lambda task, message, task_id: send(app, task, message, task_id=task_id),
        ask=CeleryAsker(app),
        queries=QueryChannel(client, redis_settings),
        query_cache=query_cache,
        roots=Roots.of(sources),
        limits=limits,
        settings=settings,
        fetch=UrlFetcher(settings.allowed_url_hosts, settings.max_upload_bytes, settings.url_timeout, lookups),
        lanes=Lanes(settings.places()),
        memory=Memory(settings.max_held_bytes, settings.max_decoding_bytes, settings.memory_timeout),
        uploads=Uploads(sources.upload_root) if sources.upload_root is not None else None,
        resources=resources,
    )
