"""Write the labels of a change whose reading came too late beside the newer vector of its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.errors import NotFound
from imagesearch_indexer.composition import Indexer


def update_labels(
    indexer: Indexer, tx: Transaction, collection: Collection, rows: Sequence[Image], given: Mapping[int, Labels]
) -> None:
    """Give pictures their labels and leave them their vectors.

    A change of one picture was accepted whatever was read meanwhile; a file that was read again knows better
    only what the picture looks like.

    Args:
        indexer: the stores.
        tx: the transaction that holds the collection.
        collection: where the pictures are.
        rows: the locked rows of the pictures.
        given: what each is given, by image id.

    Raises:
        StoreUnavailable: a store went away.
    """
    described = {row.id: given.get(row.id, NO_LABELS).on(row) for row in rows}
    changed = [row.id for row in rows if described[row.id] != (row.partition, row.metadata)]
    if not changed:
        return
    try:
        # Reads may be behind the writes of other processes; after a strong count they are not.
        indexer.vectors.count(collection.vector_collection, strong=True)
        vectors = indexer.vectors.fetch_vectors(collection.vector_collection, changed)
    except NotFound:
        vectors = {}
    # A vector that the store has lost is made again from the row, by the next comparison of the two.
    found = [image_id for image_id in changed if image_id in vectors]
    if found:
        indexer.vectors.upsert(
            collection.vector_collection,
            np.array(found, dtype=np.int64),
            np.stack([vectors[image_id] for image_id in found]),
            partitions=[described[image_id][0] for image_id in found],
            metadata=[described[image_id][1] for image_id in found],
        )
    for image_id in changed:
        partition, metadata = described[image_id]
        single_image.update_labels(tx, image_id, partition, dict(metadata))
