"""Put vectors beside their labels: a change of labels writes the same vector again, under a new key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import structlog

from imagesearch.catalog import images, keys, naming
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.naming import Named
from imagesearch.catalog.states import ImageState
from imagesearch.contract import Vectors
from imagesearch.errors import NotFound
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.ingest.answer import OpenImage
from imagesearch_indexer.stored_vectors import fetch_vectors

log = structlog.get_logger()


def relabel(indexer: Indexer, tx: Transaction, collection: Collection, changed: Sequence[OpenImage]) -> set[int]:
    """Give indexed pictures their labels and leave them their vectors.

    Args:
        indexer: the stores.
        tx: the transaction that holds the collection and the rows.
        collection: where the pictures are.
        changed: the pictures, each with a vector.

    Returns:
        The pictures whose vectors the store has lost: they keep their labels, and have to be read again.

    Raises:
        StoreUnavailable: a store went away.
    """
    if not changed:
        return set()
    wanted = [image.row.vector_key for image in changed if image.row.vector_key is not None]
    vectors = fetch_vectors(indexer.vectors, collection.vector_collection, wanted)
    found = [(image, vectors[key]) for image, key in zip(changed, wanted, strict=True) if key in vectors]
    new_keys = keys.draw(tx, len(found))
    named = [
        Named(image.row, key, *image.labels.on(image.row)) for (image, _), key in zip(found, new_keys, strict=True)
    ]
    if named:
        put_vectors(indexer, collection, named, np.stack([vector for _, vector in found]))
        naming.name(tx, collection, named)
    lost = [image for image, key in zip(changed, wanted, strict=True) if key not in vectors]
    for image in lost:
        images.put_labels(tx, image.row.id, *image.labels.on(image.row))
    naming.unname(tx, collection, [image.row for image in lost], ImageState.PENDING)
    return {image.row.id for image in lost}


def put_vectors(indexer: Indexer, collection: Collection, named: Sequence[Named], vectors: Vectors) -> None:
    """Write vectors under the keys that are about to be named.

    Raises:
        StoreUnavailable: the store went away.
    """
    if not named:
        return

    def write() -> None:
        indexer.vectors.upsert(
            collection.vector_collection,
            [one.key for one in named],
            vectors,
            partitions=[one.partition for one in named],
            metadata=[one.metadata for one in named],
        )

    try:
        write()
    except NotFound:
        # A vector store that lost its data: what was in it is indexed again by the next sweep.
        log.warning("vectors.lost", collection=collection.name)
        indexer.ensure_vectors(collection)
        write()
