"""Build what the API works with: once a process from the environment, or by tests from twins."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from prometheus_client import CollectorRegistry

from imagesearch import tracing
from imagesearch.access.key_ring import KeyRing
from imagesearch.access.keys import StoredKey
from imagesearch.catalog import api_keys, signing_secrets
from imagesearch.catalog.engine import Catalog
from imagesearch.doctor.examine import Patient
from imagesearch.files.exports import Exports, exports_of
from imagesearch.files.roots import Roots, UploadStore
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.messaging.progress import CeleryProgressBoard, ProgressBoard
from imagesearch.messaging.query_channel import QueryChannel
from imagesearch.outgoing.connection import Dialler
from imagesearch.outgoing.lookups import Lookups
from imagesearch.settings import (
    CallbackSettings,
    ExportSettings,
    MilvusSettings,
    PictureSettings,
    PostgresSettings,
    RedisSettings,
    SourceSettings,
)
from imagesearch.telemetry import MetricsPage, TelemetrySettings, configure_logs, log_settings
from imagesearch.vectors import VectorStore
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch.worker.registry import WorkerRegistry
from imagesearch_api.access import Access, RateStorage, Secrets
from imagesearch_api.celery_rpc import CeleryAsker
from imagesearch_api.figures import (
    SystemFigures,
    of_files,
    of_milvus,
    of_objects,
    of_postgres,
    of_redis,
    places_of,
    registry_of,
)
from imagesearch_api.http.lanes import Lanes
from imagesearch_api.images.deletion import Deletes
from imagesearch_api.images.write import Writes
from imagesearch_api.jobs.latest import LatestJob
from imagesearch_api.jobs.ports import Ask, Jobs, Send
from imagesearch_api.memory import Memory
from imagesearch_api.pictures import Pictures
from imagesearch_api.search.embedding import Embedding
from imagesearch_api.search.ports import Search
from imagesearch_api.search.query_cache import QueryCache
from imagesearch_api.search.url_fetcher import UrlFetcher
from imagesearch_api.services import Services
from imagesearch_api.settings import ApiSettings
from imagesearch_api.thumbnail_cache import ThumbnailCache

KEY_CONNECTIONS = 2
"""Each key is looked up once at a time, and remembered then."""
COUNT_TIMEOUT = 0.25
"""Seconds that a request waits to be counted; Redis answers within one or two thousandths."""


def compose() -> Services:
    """Build the services from the environment; nothing connects yet."""
    postgres, redis_settings, milvus = PostgresSettings(), RedisSettings(), MilvusSettings()
    sources, limits, settings = SourceSettings(), PictureSettings(), ApiSettings()
    callbacks, exports = CallbackSettings(), ExportSettings()
    telemetry = TelemetrySettings()
    configure_logs("api", telemetry)
    tracing.configure("api", telemetry.otel_exporter_otlp_endpoint)
    log_settings(postgres, redis_settings, milvus, sources, exports, limits, settings, callbacks)
    app, client = create_celery(redis_settings), create_redis(redis_settings)
    counter = create_redis(redis_settings, timeout=COUNT_TIMEOUT)
    catalog, vectors, lookups = Catalog(postgres, service="api"), MilvusVectorStore(milvus), Lookups()
    # One pool cannot reserve connections: slow reads and changes took them all, and searches got 503. In this pool
    # each place of the two lanes has a connection, and none of their requests takes two at a time.
    search_catalog = Catalog(postgres, most=settings.max_searches + settings.max_status, service="api")
    # Whoever makes up API keys takes no connection from those who have one.
    key_catalog = Catalog(postgres, most=KEY_CONNECTIONS, service="api")
    query_cache = QueryCache(client, settings.query_cache_seconds)
    roots = Roots.of(sources)
    uploads = roots.upload_store
    measures = {
        "redis": partial(of_redis, client),
        "postgres": partial(of_postgres, search_catalog),
        "milvus": partial(of_milvus, vectors),
        "files": partial(of_files, places_of(uploads)),
    }
    if roots.objects is not None:
        measures["uploads"] = partial(of_objects, roots.objects)
    figures = SystemFigures(measures)
    metrics = registry_of(figures)
    # Each worker process of this gunicorn can answer for all.
    page = MetricsPage(telemetry, metrics, shared=True)
    resources = ExitStack()
    resources.callback(close_celery, app)
    # Closed from the last to the first: threads before the connections that they use.
    for resource in (
        client,
        counter,
        catalog,
        search_catalog,
        key_catalog,
        vectors,
        lookups,
        query_cache,
        figures,
        page,
    ):
        resources.callback(resource.close)
    return assemble(
        settings,
        catalog=catalog,
        search_catalog=search_catalog,
        key_catalog=key_catalog,
        vectors=vectors,
        latest=LatestJob(client),
        progress=CeleryProgressBoard(app),
        workers=WorkerRegistry(client),
        send=lambda task, message, task_id: send(app, task, message, task_id=task_id),
        ask=CeleryAsker(app),
        queries=QueryChannel(client, redis_settings),
        query_cache=query_cache,
        roots=roots,
        limits=limits,
        fetch_url=UrlFetcher(
            settings.allowed_url_hosts, settings.max_upload_bytes, settings.url_timeout, Dialler(lookups)
        ),
        uploads=uploads,
        exports=exports_of(exports, sources),
        callback_hosts=tuple(callbacks.secrets_by_host()),
        rate_storage=RateStorage(
            "redis://", {"connection_pool": counter.connection_pool, "key_prefix": "imagesearch:rates"}
        ),
        metrics=metrics,
        patient=Patient(catalog, vectors, client, roots),
        resources=resources,
    )


def access_of(settings: ApiSettings, catalog: Catalog) -> Access:
    """Return what tells who calls, by the keys and secrets of a catalogue."""

    def find(key_id: str) -> StoredKey | None:
        with catalog.reading() as tx:
            return api_keys.find(tx, key_id)

    def load() -> list[bytes]:
        with catalog.transaction() as tx:
            if not signing_secrets.current(tx):
                signing_secrets.ensure(tx, secrets.token_bytes(signing_secrets.SECRET_BYTES))
            return signing_secrets.current(tx)

    return Access(
        is_on=settings.api_keys,
        keys=KeyRing(find, settings.api_key_seconds),
        secrets=Secrets(load),
        session_seconds=settings.session_seconds,
        link_seconds=settings.picture_url_seconds,
    )


def assemble(
    settings: ApiSettings,
    *,
    catalog: Catalog,
    search_catalog: Catalog,
    key_catalog: Catalog,
    vectors: VectorStore,
    latest: LatestJob,
    progress: ProgressBoard,
    workers: WorkerRegistry,
    send: Send,
    ask: Ask,
    queries: QueryChannel,
    query_cache: QueryCache,
    roots: Roots,
    limits: PictureSettings,
    fetch_url: Callable[[str], bytes],
    uploads: UploadStore | None,
    rate_storage: RateStorage,
    metrics: CollectorRegistry,
    patient: Patient,
    resources: ExitStack,
    exports: Exports | None = None,
    callback_hosts: tuple[str, ...] = (),
) -> Services:
    """Give each kind of use case its port, made of the given parts."""
    memory = Memory(settings.max_held_bytes, settings.max_decoding_bytes, settings.memory_timeout)
    small = ThumbnailCache(settings.thumbnail_cache_bytes)
    pictures = Pictures(memory, limits, roots, fetch_url, settings.max_upload_bytes, small)
    embedding = Embedding(
        pictures, queries, workers, query_cache, settings.query_timeout, settings.query_timeout_each
    )
    deletes = Deletes(catalog, send, ask, settings.delete_timeout)
    return Services(
        settings=settings,
        catalog=catalog,
        jobs=Jobs(catalog, progress, workers, send, roots, callback_hosts),
        latest=latest,
        deletes=deletes,
        writes=Writes(catalog, embedding, deletes, ask, settings.index_timeout, uploads),
        search=Search(search_catalog, vectors, embedding),
        comparison=Search(catalog, vectors, embedding),
        pictures=pictures,
        exports=exports,
        ask=ask,
        lanes=Lanes(settings.places()),
        memory=memory,
        access=access_of(settings, key_catalog),
        rate_storage=rate_storage,
        metrics=metrics,
        patient=patient,
        resources=resources,
    )
