"""Measure what a batch costs: leasing and sending it, and writing the answer to it."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import numpy as np

from bench.scale.ground import Ground
from bench.scale.timing import Timer, require
from imagesearch.catalog.jobs import batches
from imagesearch.contract import ExtractBatch, ExtractedImage, IndexBatch, pack_vectors
from imagesearch.networks import VGG16
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.dispatch import dispatch
from support import seeding

MODEL: Final = "vgg16-max-512:bench"
ROUNDS = 10
"""In each of which all room is given out."""
SETTLED = 300
"""Batches, at most: of a small job, half of those that are ready."""


def release(ground: Ground, timer: Timer) -> None:
    """Lease and send batches of a large job until there is no more room."""
    seeding.set_running(ground.catalog, ground.job_id)
    for _ in range(ROUNDS):
        with timer.timed() as part:
            dispatch(ground.indexer)
        sent = ground.taken()
        require(bool(sent), "nothing was sent")
        part.units = len(sent)
        with ground.catalog.transaction() as tx:
            for batch in sent:
                batches.make_ready(tx, batch.batch_id, crashes=0)


def settle(ground: Ground, timer: Timer) -> None:
    """Write answers of extractors, each of pictures that have changed; another batch leaves in place of each."""
    before = ground.job.indexed
    dispatch(ground.indexer)
    waiting = ground.taken()
    for _ in range(max(1, min(SETTLED, ground.size // seeding.MIXED // 2))):
        answer = answered(waiting.pop(0))
        with timer.timed():
            index_batch(ground.indexer, answer)
        waiting += ground.taken()
    require(ground.job.indexed == before + seeding.BATCH * timer.units, "a picture was not indexed")


def answered(batch: ExtractBatch) -> IndexBatch:
    """Answer a batch as an extractor would that finds another picture in each file."""
    vectors = np.full((len(batch.items), VGG16.dimension), VGG16.dimension**-0.5, np.float32)
    digest = uuid4().hex * 2
    images = (
        ExtractedImage(item.image_id, digest, 1_000, 1, 8, 8, "PNG", item.expected_version) for item in batch.items
    )
    return IndexBatch(
        job_id=batch.job_id,
        batch_id=batch.batch_id,
        model=MODEL,
        images=tuple(images),
        vectors=pack_vectors(vectors),
        unchanged=(),
        failures=(),
        generation=batch.generation,
    )
