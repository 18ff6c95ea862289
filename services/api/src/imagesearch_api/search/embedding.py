"""Turn pictures into vectors: from the cache, or from the query extractor in one forward pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np

from imagesearch.access.tenants import Owner
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.collections import mismatch_reason
from imagesearch.contract import Pixels, Queue, Vectors, unpack_vectors
from imagesearch.errors import PictureRejected, PipelineMismatch
from imagesearch.failures import FailureCode
from imagesearch.messaging.query_channel import QueryChannel
from imagesearch.networks import VGG16, ModelIdentity, queue_for
from imagesearch.pictures.regions import Region
from imagesearch.pipeline import DEFAULT_PRESET, Preprocessing
from imagesearch.query_contract import QueryPixels
from imagesearch.worker.registry import WorkerRegistry
from imagesearch_api.errors import of_query
from imagesearch_api.networks import consumes
from imagesearch_api.pictures import Pictures
from imagesearch_api.search.query_cache import QueryCache
from imagesearch_api.search.timings import Timings


@dataclass(frozen=True, slots=True)
class Embedding:
    """Bundle what turns pictures into vectors.

    Attributes:
        pictures: reads and decodes them.
        queries: asks the query extractors.
        workers: tells who is alive.
        cache: remembers what it answered.
        timeout: seconds until the answer for one picture counts as lost.
        timeout_each: seconds that each further picture may take on top.
        cached_for: the id of the API key among whose answers the cache looks.
    """

    pictures: Pictures
    queries: QueryChannel
    workers: WorkerRegistry
    cache: QueryCache
    timeout: float
    timeout_each: float
    cached_for: str | None = None

    def of(self, owner: Owner) -> Self:
        """Return the same for a key: it reads files of a library only beneath what it is bound to.

        What the cache knows of it is its own: how fast an answer comes tells nobody what others have asked.
        """
        return replace(self, pictures=self.pictures.within(owner.tenancy), cached_for=owner.key_id)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Tell how to read a picture that is to be embedded, and which part of it.

    Attributes:
        index: its place among the queries, for errors.
        read: returns its bytes; what they take is held until the stack closes.
        is_at_hand: they came with the request, which holds them anyway.
    """

    index: int
    read: Callable[[ExitStack], bytes]
    box: Region | None = None
    is_at_hand: bool = False

    def bytes_of(self, taken: ExitStack) -> bytes:
        """Return the picture's bytes; what they take is held until `taken` closes.

        Raises:
            Busy: there is no memory for them in time.
            QueryRejected: they cannot be read.
        """
        with of_query(self.index):
            return self.read(taken)


def embed(embedding: Embedding, collection: Collection, samples: Sequence[Sample], timings: Timings) -> Vectors:
    """Return the vectors of pictures as float32[n, dimension], made by the pipeline of the collection.

    The cache is keyed by API key, content, box and pipeline, so asking again with the same file costs neither
    decoding nor inference. Several files of a library are decoded one by one as they are read, and may only save
    the inference: together they could be larger than memory. Redis going away costs the cache, and is noticed
    where the extractor is asked.

    Raises:
        QueryRejected: a picture, a URL or a box cannot be used.
        Busy: there is no memory for a picture in time.
        PipelineMismatch: the workers run another network than the one that built the collection.
        QueryTimeout: no extractor answered in time.
        StoreUnavailable: Redis does not answer.
    """
    keys, pixels, waiting = [], {}, {}
    with ExitStack() as kept:
        for sample in samples:
            with ExitStack() as taken:
                with timings.measure("read"):
                    data = sample.bytes_of(taken)
                key = _key(embedding.cached_for, collection, sample, data)
                keys.append(key)
                if sample.is_at_hand or len(samples) == 1:
                    waiting[key] = data, sample
                    kept.push(taken.pop_all())
                elif key not in pixels:
                    with timings.measure("decode"):
                        pixels[key] = pixels_of(embedding, collection.preprocessing, sample, data)
        with timings.measure("decode"):
            known = embedding.cache.read(sorted(set(keys)), collection.dimension)
            for key, (data, sample) in waiting.items():
                if key not in known and key not in pixels:
                    pixels[key] = pixels_of(embedding, collection.preprocessing, sample, data)
    fresh = {key: sample for key, sample in zip(keys, samples, strict=True) if key not in known}
    if fresh:
        with timings.measure("extract"):
            model, vectors = infer(embedding, collection, [pixels[key] for key in fresh])
        if model != collection.model:
            raise PipelineMismatch(mismatch_reason(collection, model))
        for sample, vector in zip(fresh.values(), vectors, strict=True):
            with of_query(sample.index):
                check_direction(vector)
        made = {key: vector.tobytes() for key, vector in zip(fresh, vectors, strict=True)}
        embedding.cache.remember(made)
        known |= made
    return unpack_vectors(b"".join(known[key] for key in keys), len(keys), collection.dimension)


def pixels_of(embedding: Embedding, preprocessing: Preprocessing, sample: Sample, data: bytes) -> Pixels:
    """Return the pixels that the network sees of a picture.

    Raises:
        Busy: there is no memory for it in time.
        QueryRejected: the picture cannot be used, or its box does not lie within it.
    """
    with of_query(sample.index):
        return embedding.pictures.decode(data, preprocessing, sample.box).pixels


def infer(embedding: Embedding, collection: Collection | None, pixels: Sequence[Pixels]) -> tuple[str, Vectors]:
    """Return the network's identity and float32[n, dimension], one vector a picture, from one forward pass.

    Args:
        embedding: how to ask.
        collection: whose network is asked, with any weights while it has no vectors; None asks the default one.
        pixels: uint8[side, side, 3] each.

    Raises:
        PipelineMismatch: there are query workers, and none of them runs the collection's network.
        QueryTimeout: no extractor answered in time.
        StoreUnavailable: Redis does not answer, or the network could not be run.
    """
    timeout = embedding.timeout + embedding.timeout_each * (len(pixels) - 1)
    stacked = np.stack(pixels)
    preprocessing = preprocessing_of(collection)
    question = QueryPixels(
        count=len(pixels),
        pixels=stacked.tobytes(),
        side=stacked.shape[1],
        seconds=timeout,
        pooling=preprocessing.pooling,
    )
    queue = queue_of(collection)
    unanswered = partial(check_workers, embedding.workers, collection, queue)
    answer = embedding.queries.ask(queue, question, timeout, unanswered=unanswered)
    dimension = ModelIdentity.parse(answer.model).dimension
    return answer.model, unpack_vectors(answer.vectors, len(pixels), dimension)


def preprocessing_of(collection: Collection | None) -> Preprocessing:
    """Return the options of a collection's pipeline; without one those of the default one."""
    return collection.preprocessing if collection is not None else DEFAULT_PRESET.options(VGG16)


def queue_of(collection: Collection | None) -> str:
    """Return the queue of those who run a collection's network; without one that of the default network."""
    network, model = (collection.network, collection.model) if collection is not None else (VGG16.name, None)
    return queue_for(Queue.QUERY, network, model)


def check_workers(workers: WorkerRegistry, collection: Collection | None, queue: str) -> None:
    """Look why nobody answers.

    Raises:
        PipelineMismatch: workers are there, and none of them takes queries from this queue.
        StoreUnavailable: Redis does not answer.
    """
    others = [worker for worker in workers.alive() if consumes(worker, Queue.QUERY)]
    if not others or any(queue in worker.queues for worker in others):
        return
    models = {worker.model for worker in others if worker.model is not None}
    if collection is not None:
        raise PipelineMismatch(mismatch_reason(collection, *models))
    raise PipelineMismatch(f"No worker runs the network {VGG16.name}; name a collection of one that runs.")


def check_direction(vector: Vectors) -> None:
    """Check that the vector of a picture can be compared.

    Raises:
        PictureRejected: it is all zeros.
    """
    if not vector.any():
        raise PictureRejected(FailureCode.ZERO_VECTOR, "the network finds nothing in it to compare")


def _key(holder: str | None, collection: Collection, sample: Sample, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    parts = ["imagesearch:query", holder, collection.fingerprint, digest, str(sample.box) if sample.box else None]
    return ":".join(part for part in parts if part is not None)
