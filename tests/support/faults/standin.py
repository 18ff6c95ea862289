"""An extractor at the port: same queues, same messages, same reading of files, and no network.

Vectors are drawn from a seed and the picture's colours. `EMBED_SECONDS` makes each picture cost that long, so
that a job lasts until something has happened to it; a picture whose first pixel is `KILLER` ends the process.
With `READ_NOTHING` files are not opened at all: their vectors belong to their paths.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from functools import partial

import numpy as np

from imagesearch.contract import (
    ExtractBatch,
    ExtractedImage,
    IndexBatch,
    Pixels,
    Queue,
    TaskName,
    Vectors,
    pack_vectors,
)
from imagesearch.files.roots import Roots
from imagesearch.messaging.broker import create_celery, create_redis, register, send
from imagesearch.messaging.claims import BatchClaims
from imagesearch.messaging.progress import CeleryProgressBoard
from imagesearch.messaging.query_channel import QueryChannel
from imagesearch.networks import VGG16, queues_of
from imagesearch.pipeline import Pooling
from imagesearch.telemetry import configure
from imagesearch.worker.facts import facts_of
from imagesearch.worker.heartbeat import Liveness
from imagesearch.worker.registry import WorkerRegistry, WorkerReport
from imagesearch.worker.run import run_loop, run_worker, worker_name
from imagesearch_extractor.configuration import Configuration, read_configuration
from imagesearch_extractor.embedding import SeededEmbedder
from imagesearch_extractor.queries import serve
from imagesearch_extractor.reading import PictureReader
from imagesearch_extractor.tasks import BulkExtractor

KILLER = (255, 0, 254)
"""Colour of the picture that no process survives."""


class SlowEmbedder(SeededEmbedder):
    """Take some time for each picture, and die of some."""

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        if (pixels[:, 0, 0] == KILLER).all(axis=1).any():
            os._exit(139)
        time.sleep(float(os.environ.get("EMBED_SECONDS", "0")) * len(pixels))
        return super().embed(pixels, pooling)


class UnreadExtractor(BulkExtractor):
    """Answer batches without opening their files."""

    def _extract(self, batch: ExtractBatch) -> IndexBatch:
        return unread(batch, self.embedder.identity)


def unread(batch: ExtractBatch, model: str) -> IndexBatch:
    """Return vectors that belong to the paths of a batch."""
    done = []
    for item in batch.items:
        digest = hashlib.sha256(item.path.encode()).hexdigest()
        done.append(ExtractedImage(item.image_id, digest, 0, 0, 1, 1, "PNG", item.expected_version))
    seeds = [int(image.sha256[:15], 16) for image in done]
    drawn = [np.random.default_rng(seed).random(VGG16.dimension, dtype=np.float32) for seed in seeds]
    vectors = np.array(drawn, np.float32).reshape(len(done), VGG16.dimension)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return IndexBatch(
        job_id=batch.job_id,
        batch_id=batch.batch_id,
        model=model,
        images=tuple(done),
        vectors=pack_vectors(vectors),
        unchanged=(),
        failures=(),
    )


def run(queue: Queue, configuration: Configuration) -> int:
    """Consume a queue until told to stop, put together like the extractor but without TensorFlow."""
    configure(f"stand-in {queue.value}", configuration.telemetry)
    client = create_redis(configuration.redis)
    bulk, embedder = queue is Queue.EXTRACT, SlowEmbedder()
    liveness = Liveness(worker_name("extractor" if bulk else "extractor-query"), 2 if bulk else 1)
    registry = WorkerRegistry(client)
    report = WorkerReport(
        name=liveness.name,
        queues=queues_of(queue, embedder.identity),
        version="0",
        model=embedder.identity,
        weights=embedder.weights,
        untrained=True,
        concurrency=liveness.concurrency,
        side=embedder.spec.side,
    )
    if not bulk:
        loop = partial(
            serve, QueryChannel(client, configuration.redis), SeededEmbedder(), limit=4, liveness=liveness
        )
        return run_loop(
            loop,
            liveness=liveness,
            report=report,
            registry=registry,
            settings=configuration.worker,
            facts=facts_of(Roots.of(configuration.sources)),
        )
    app, claims = create_celery(configuration.redis), BatchClaims(client, liveness.name)
    kind = UnreadExtractor if "READ_NOTHING" in os.environ else BulkExtractor
    extractor = kind(
        embedder=embedder,
        reader=PictureReader(Roots.of(configuration.sources), configuration.pictures, 2),
        compute_batch=4,
        progress=CeleryProgressBoard(app),
        claims=claims,
        publish=partial(send, app),
        stopping=liveness.stopping,
    )
    register(app, TaskName.EXTRACT, ExtractBatch, extractor.handle)
    return run_worker(
        app,
        liveness=liveness,
        queues=report.queues,
        report=report,
        registry=registry,
        claims=claims,
        settings=configuration.worker,
        facts=facts_of(Roots.of(configuration.sources)),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--queue", choices=[Queue.EXTRACT.value, Queue.QUERY.value], required=True)
    chosen = Queue(parser.parse_args().queue)
    configured = read_configuration(chosen)
    if chosen is Queue.EXTRACT:
        os.nice(configured.extractor.bulk_niceness)
    sys.exit(run(chosen, configured))
