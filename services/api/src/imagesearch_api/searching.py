"""Search a collection for pictures that look like one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from imagesearch.catalog import collections, images
from imagesearch.catalog.images import Image
from imagesearch.contract import Vectors
from imagesearch.errors import NotFound
from imagesearch.images import decode
from imagesearch.telemetry import SEARCH_SECONDS
from imagesearch_api.bodies import MAX_TOP_K
from imagesearch_api.composition import Services
from imagesearch_api.embedding import embed


@dataclass(frozen=True, slots=True)
class Match:
    """Pair an image with its distance from the query, 0 (same) to 1."""

    image: Image
    distance: float


@dataclass
class Stages:
    """Measure the stages of one search in milliseconds."""

    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - begun
            SEARCH_SECONDS.labels(stage).observe(seconds)
            self.took_ms[stage] = round(self.took_ms.get(stage, 0.0) + seconds * 1000, 3)


def search_upload(services: Services, name: str, data: bytes, top_k: int) -> tuple[list[Match], Stages]:
    """Return the `top_k` images of a collection nearest to an uploaded picture.

    Raises:
        NotFound: there is no such collection.
        PictureRejected: the bytes are no picture that can be used.
        PipelineMismatch: the workers run another network than the collection's.
        QueryTimeout: no extractor answered in time.
        StoreUnavailable: a store does not answer.
    """
    stages = Stages()
    with stages.measure("catalogue"), services.catalog.transaction() as tx:
        collection = collections.get(tx, name)
    with stages.measure("decode"):
        picture = decode(data, collection.preprocessing, services.limits)
    if collection.model is None:
        return [], stages
    with stages.measure("extract"):
        vectors = embed(services, collection, picture)
    return nearest(services, collection, vectors, top_k, stages), stages


def nearest(
    services: Services, collection: collections.Collection, vectors: Vectors, top_k: int, stages: Stages
) -> list[Match]:
    """Return the `top_k` indexed images nearest to a vector, each with its row.

    A vector whose row is gone (a delete or a crash in between) is passed over, and the search goes on
    behind it, so that missing rows never make the answer shorter than it could be.
    """
    matches: list[Match] = []
    offset = 0
    while len(matches) < top_k and offset < MAX_TOP_K:
        limit = min(top_k if not offset else max(top_k - len(matches), 16), MAX_TOP_K - offset)
        with stages.measure("search"):
            try:
                hits = services.vectors.search(collection.vector_collection, vectors, limit=limit, offset=offset)[
                    0
                ]
            except NotFound:
                return matches
        with stages.measure("rows"), services.catalog.transaction() as tx:
            rows = images.indexed_by_ids(tx, [hit.id for hit in hits])
        matches += [Match(rows[hit.id], hit.distance) for hit in hits if hit.id in rows]
        if len(hits) < limit:
            break
        offset += limit
    return matches[:top_k]
