"""Turn a decoded picture into its vector: from the cache, or from the query extractor."""

from __future__ import annotations

import time

import redis
import structlog

from imagesearch.catalog.collections import Collection, mismatch_reason
from imagesearch.contract import (
    DIMENSION,
    FailureCode,
    QueryPixels,
    QueryVectors,
    TaskName,
    Vectors,
    unpack_vectors,
)
from imagesearch.errors import PictureRejected, PipelineMismatch, QueryTimeout
from imagesearch.images import Picture
from imagesearch_api.composition import Services

log = structlog.get_logger()


def embed(services: Services, collection: Collection, picture: Picture) -> Vectors:
    """Return the vector of a picture as float32[1, 512], made by the pipeline of the collection.

    The cache is keyed by content and pipeline, so asking again with the same file costs no inference. Redis
    going away costs the cache, and is noticed where the extractor is asked.

    Raises:
        PictureRejected: the network answers with zeros (zero_vector).
        PipelineMismatch: the workers run another network than the one that built the collection.
        QueryTimeout: no extractor answered in time.
        StoreUnavailable: Redis does not answer.
    """
    key = f"imagesearch:query:{collection.fingerprint}:{picture.sha256}"
    cached = _read(services, key)
    if cached is not None:
        return unpack_vectors(cached, 1)
    timeout = services.settings.query_timeout
    question = QueryPixels(count=1, pixels=picture.pixels.tobytes(), deadline=time.time() + timeout)
    wire = services.ask(TaskName.QUERY, question, timeout)
    if wire is None:
        raise QueryTimeout("the extractor came to the query after its deadline")
    answer = QueryVectors.from_wire(wire)
    if answer.model != collection.model:
        raise PipelineMismatch(mismatch_reason(collection, answer.model))
    vectors = unpack_vectors(answer.vectors, 1)
    if not vectors.any():
        raise PictureRejected(
            FailureCode.ZERO_VECTOR, "the network sees nothing in it, so there is nothing to compare"
        )
    _write(services, key, answer.vectors)
    return vectors


def _read(services: Services, key: str) -> bytes | None:
    try:
        cached = services.redis.get(key)
    except redis.RedisError as error:
        log.warning("query_cache.not_read", reason=type(error).__name__)
        return None
    return cached if isinstance(cached, bytes) and len(cached) == DIMENSION * 4 else None


def _write(services: Services, key: str, raw: bytes) -> None:
    if not services.settings.query_cache_seconds:
        return
    try:
        services.redis.set(key, raw, ex=services.settings.query_cache_seconds)
    except redis.RedisError as error:
        log.warning("query_cache.not_written", reason=type(error).__name__)
