"""Find the vectors of indexed images, also when one is replaced at the same moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from imagesearch.catalog import collections, images, naming
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.images import Image
from imagesearch.contract import Vectors
from imagesearch.errors import NotFound, StoreUnavailable
from imagesearch.vectors import VectorStore


def stored_vectors(
    catalog: Catalog,
    store: VectorStore,
    collection: Collection,
    rows: Iterable[Image],
    *,
    needs_all: bool = True,
) -> dict[int, Vectors]:
    """Return the vectors of indexed images as float32[dimension], by image id.

    A row may name another vector by the time that its own is looked for, and a read may be a moment behind: what
    is not found is looked for again, by the row as it is then and by a read that is up to date.

    Args:
        catalog: where rows are read again.
        store: of the vectors.
        collection: of the images.
        rows: the images.
        needs_all: it is an error where the store has lost one; otherwise that is left out.

    Raises:
        StoreUnavailable: the store does not answer, has not all of them, or has just been switched to another
            pipeline, whose vectors cannot be compared with what the caller has.
    """
    by_id = {row.id: row for row in rows}
    found: dict[int, Vectors] = {}
    for is_strong in (False, True):
        if is_strong:
            with catalog.reading() as tx:
                # Its index may have been replaced as well.
                now = collections.by_id(tx, collection.id)
                if now.fingerprint != collection.fingerprint:
                    raise StoreUnavailable("milvus", "the index is being replaced by one of another pipeline")
                collection = now
                by_id = images.indexed_by_ids(tx, by_id)
        if by_id:
            found |= _fetch(catalog, store, collection, by_id, is_strong=is_strong)
        by_id = {image_id: row for image_id, row in by_id.items() if image_id not in found}
        if not by_id:
            break
    if by_id and needs_all:
        raise StoreUnavailable("milvus", "the vector of an indexed image cannot be read yet")
    return found


def _fetch(
    catalog: Catalog, store: VectorStore, collection: Collection, rows: Mapping[int, Image], *, is_strong: bool
) -> dict[int, Vectors]:
    if collection.switched_build is None:
        keys = {row.id: row.vector_key for row in rows.values() if row.vector_key is not None}
    else:
        with catalog.reading() as tx:
            keys = naming.keys_of_images(tx, rows)
    try:
        vectors = store.fetch_vectors(collection.vector_collection, list(keys.values()), strong=is_strong)
    except NotFound:
        return {}
    return {image_id: vectors[key] for image_id, key in keys.items() if key in vectors}
