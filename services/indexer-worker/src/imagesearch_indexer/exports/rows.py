"""Read the images of a collection in the order of their ids, each with the vector that its row names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imagesearch.catalog import collections, image_queries, images, naming
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.contract import Vectors
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.stored_vectors import fetch_vectors

ATTEMPTS = 3
"""At finding the vector of a row: each further one needs somebody who indexes the image anew in between, or a
switch to another index."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold some images.

    Attributes:
        found: each with the vector that was its own when it was read.
        lost: those whose vector the store does not have.
        last: the id behind which the next ones lie; None where there are none.
    """

    found: Sequence[tuple[Image, Vectors]]
    lost: Sequence[Image]
    last: int | None


def next_rows(indexer: Indexer, collection_id: int, *, partition: str | None, after: int, limit: int) -> Rows:
    """Read indexed images of a collection, or of one of its partitions, from behind an id.

    Raises:
        StoreUnavailable: a store does not answer.
    """
    with indexer.catalog.transaction() as tx:
        collection = collections.by_id(tx, collection_id)
        listed = image_queries.listing(tx, collection_id, partition=partition, after=after, limit=limit)
        last = listed[-1].id if listed else None
        if collection.switched_build is not None:
            listed = _current(tx, collection, [row.id for row in listed], partition)
    found: list[tuple[Image, Vectors]] = []
    for attempt in range(ATTEMPTS):
        if attempt:
            # Their keys were named until a moment ago, or in an index that has been replaced since.
            with indexer.catalog.transaction() as tx:
                collection = collections.by_id(tx, collection_id)
                listed = _current(tx, collection, [row.id for row in listed], partition)
        keys = [row.vector_key for row in listed if row.vector_key is not None]
        vectors = fetch_vectors(indexer.vectors, collection.vector_collection, keys) if keys else {}
        found += [(row, vectors[row.vector_key]) for row in listed if row.vector_key in vectors]
        listed = [row for row in listed if row.vector_key not in vectors]
        if not listed:
            break
    return Rows(sorted(found, key=lambda pair: pair[0].id), listed, last)


def _current(
    tx: Transaction, collection: Collection, image_ids: Iterable[int], partition: str | None
) -> list[Image]:
    """Return those of the images that are indexed by now, as a build that was switched to has left them."""
    ids = list(image_ids)
    if collection.switched_build is not None:
        naming.lock(tx, collection, ids)
    rows = images.indexed_by_ids(tx, ids)
    return [row for _, row in sorted(rows.items()) if partition in (None, row.partition)]
