"""Build and run the extractor: the composition root. Importing this module imports TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

import redis
import structlog
from celery.exceptions import Reject

from imagesearch import __version__
from imagesearch.contract import ExtractBatch, Queue, TaskName
from imagesearch.errors import TransientError, WeightsUnavailable
from imagesearch.files.roots import Roots
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, register, send
from imagesearch.messaging.claims import BatchClaims
from imagesearch.messaging.progress import CeleryProgressBoard
from imagesearch.messaging.query_channel import QueryChannel
from imagesearch.networks import queues_of
from imagesearch.wire import Message
from imagesearch.worker.facts import facts_of
from imagesearch.worker.heartbeat import Liveness
from imagesearch.worker.registry import Sharers, WorkerRegistry, WorkerReport
from imagesearch.worker.run import run_loop, run_worker, worker_name
from imagesearch_extractor.configuration import Configuration
from imagesearch_extractor.cpu import usable_cpus
from imagesearch_extractor.embedding import Embedder
from imagesearch_extractor.file_loading import load_file_network
from imagesearch_extractor.loading import load_weights
from imagesearch_extractor.network import Network, fastest_dtype, use_gpus
from imagesearch_extractor.quantised.files import load_quantised
from imagesearch_extractor.queries import serve
from imagesearch_extractor.reading import PictureReader
from imagesearch_extractor.settings import FROM_FILE, ExtractorSettings
from imagesearch_extractor.tasks import BulkExtractor

log = structlog.get_logger()

M = TypeVar("M", bound=Message)


def load_network(settings: ExtractorSettings) -> Embedder:
    """Load the weights, build the network and warm it up.

    Raises:
        WeightsUnavailable: there is no network to work with; the message says what to set.
    """
    started = time.monotonic()
    network, computes = _opener(settings)(settings)
    network.warm_up()
    if network.untrained:
        log.warning("network.untrained", weights=network.weights, meaning="random weights: for trials only")
    log.info("network.ready", identity=network.identity, seconds=round(time.monotonic() - started, 1), **computes)
    return network


def _opener(settings: ExtractorSettings) -> Callable[[ExtractorSettings], tuple[Embedder, dict[str, Any]]]:
    """Return what opens the kind of network that the settings name."""
    if settings.network == FROM_FILE:
        return _from_file
    return _quantised if settings.is_quantised else _built_in


def _quantised(settings: ExtractorSettings) -> tuple[Embedder, dict[str, Any]]:
    try:
        from imagesearch_extractor.quantised.network import QuantisedNetwork  # noqa: PLC0415 - an extra of the worker
    except ModuleNotFoundError as error:
        raise WeightsUnavailable("OpenVINO is not installed: imagesearch-extractor[int8]") from error
    weights = load_quantised(settings.weights, sha256=settings.weights_sha256)
    network = QuantisedNetwork(weights, compute_batch=settings.compute_batch)
    return network, {"dtype": "int8", **asdict(weights.origin)}


def _built_in(settings: ExtractorSettings) -> tuple[Embedder, dict[str, Any]]:
    weights = load_weights(
        settings.weights,
        settings.network,
        sha256=settings.weights_sha256,
        download_timeout=settings.download_timeout,
    )
    on_gpu = use_gpus()
    dtype = fastest_dtype(on_gpu) if settings.compute_dtype == "auto" else settings.compute_dtype
    network = Network(weights, dtype=dtype, compute_batch=settings.compute_batch, pad=on_gpu)
    return network, {"dtype": dtype, "gpu": on_gpu}


def _from_file(settings: ExtractorSettings) -> tuple[Embedder, dict[str, Any]]:
    network = load_file_network(
        settings.weights, sha256=settings.weights_sha256, compute_batch=settings.compute_batch
    )
    # Its numbers have the format that the file gives them.
    return network, {"dtype": "the file's"}


def run(queue: Queue, configuration: Configuration, embedder: Embedder) -> int:
    """Consume a queue until the process is told to stop, and return the exit code.

    Args:
        queue: `Queue.EXTRACT` or `Queue.QUERY`.
        configuration: of this process.
        embedder: ready to work.
    """
    with closing(create_redis(configuration.redis)) as client, ExitStack() as resources:
        if queue is Queue.QUERY:
            return _serve_queries(configuration, embedder, client)
        return _serve_batches(configuration, embedder, client, resources)


def _serve_batches(
    configuration: Configuration, embedder: Embedder, client: redis.Redis, resources: ExitStack
) -> int:
    app = create_celery(configuration.redis)
    resources.callback(close_celery, app)
    liveness = Liveness(worker_name("extractor"), configuration.extractor.extract_concurrency)
    claims = BatchClaims(client, liveness.name)
    threads = configuration.extractor.reading_threads(usable_cpus())
    reader = PictureReader(Roots.of(configuration.sources), configuration.pictures, threads)
    resources.callback(reader.close)
    bulk = BulkExtractor(
        embedder=embedder,
        reader=reader,
        compute_batch=configuration.extractor.compute_batch,
        progress=CeleryProgressBoard(app),
        claims=claims,
        publish=partial(send, app),
        stopping=liveness.stopping,
    )
    register(app, TaskName.EXTRACT, ExtractBatch, _handing_back(bulk.handle))
    return run_worker(
        app,
        liveness=liveness,
        queues=queues_of(Queue.EXTRACT, embedder.identity),
        report=_report(liveness, Queue.EXTRACT, embedder),
        registry=WorkerRegistry(client),
        claims=claims,
        settings=configuration.worker,
        facts=facts_of(Roots.of(configuration.sources)),
    )


def _serve_queries(configuration: Configuration, embedder: Embedder, client: redis.Redis) -> int:
    liveness = Liveness(worker_name("extractor-query"), concurrency=1)
    channel, registry = QueryChannel(client, configuration.redis), WorkerRegistry(client)
    report = _report(liveness, Queue.QUERY, embedder)
    return run_loop(
        partial(
            serve,
            channel,
            embedder,
            limit=configuration.extractor.compute_batch,
            liveness=liveness,
            sharers=Sharers(registry, report.queues[0]).count,
        ),
        liveness=liveness,
        report=report,
        registry=registry,
        settings=configuration.worker,
        facts=facts_of(Roots.of(configuration.sources)),
    )


def _handing_back(handle: Callable[[M], None]) -> Callable[[M], None]:
    """Put the message back into its queue when its work could not be finished here."""

    def handle_or_hand_back(message: M) -> None:
        try:
            handle(message)
        except TransientError as error:
            log.info("batch.handed_back", reason=str(error))
            raise Reject(str(error), requeue=True) from None  # Celery logs it with its traceback

    return handle_or_hand_back


def _report(liveness: Liveness, queue: Queue, embedder: Embedder) -> WorkerReport:
    return WorkerReport(
        name=liveness.name,
        queues=queues_of(queue, embedder.identity),
        version=__version__,
        model=embedder.identity,
        weights=embedder.weights,
        untrained=embedder.untrained,
        concurrency=liveness.concurrency,
        side=embedder.spec.side,
    )
