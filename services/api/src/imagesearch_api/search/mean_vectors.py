"""Know what the pictures of a collection have in common: the mean of some of their vectors."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import numpy as np

from imagesearch.catalog import image_queries
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog
from imagesearch.contract import Vectors
from imagesearch.vectors import VectorStore
from imagesearch_api.search.stored_vectors import stored_vectors

PLACES, AT_EACH = 16, 32
"""So many images at each of so many places, spread evenly over the ids of a collection."""
MIN_VECTORS = 16
"""Of fewer the mean is that of the compared pictures rather than of the collection."""
SECONDS = 600.0
MAX_REMEMBERED = 64
"""Means of 512 numbers take 2 KB each, the longest 128 KB."""


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """Hold the mean of some vectors.

    Attributes:
        vector: float32[dimension]; zeros where there were too few.
        count: how many vectors it is of; 0 where there were too few.
    """

    vector: Vectors
    count: int


class MeanVectors:
    """Find the means of collections, or of one partition of them, and remember them for some minutes."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str | None], tuple[float, Mean]] = OrderedDict()
        self._lock = Lock()

    def of(self, catalog: Catalog, store: VectorStore, collection: Collection, partition: str | None) -> Mean:
        """Return the mean of up to 512 vectors of a collection, or of one of its partitions.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        key = collection.vector_collection, partition
        with self._lock:
            begun, known = self._known.get(key, (0.0, None))
        if known is not None and time.monotonic() - begun < SECONDS:
            return known
        made = _mean(catalog, store, collection, partition)
        with self._lock:
            self._known[key] = time.monotonic(), made
            self._known.move_to_end(key)
            while len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return made


def _mean(catalog: Catalog, store: VectorStore, collection: Collection, partition: str | None) -> Mean:
    with catalog.reading() as tx:
        rows = image_queries.spread_out(tx, collection.id, partition=partition, places=PLACES, at_each=AT_EACH)
    found = stored_vectors(catalog, store, collection, rows, needs_all=False) if len(rows) >= MIN_VECTORS else {}
    if len(found) < MIN_VECTORS:
        return Mean(np.zeros(collection.dimension, np.float32), 0)
    return Mean(np.stack(list(found.values())).mean(axis=0, dtype=np.float64).astype(np.float32), len(found))
