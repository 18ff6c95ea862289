"""Finish deletions: rows that are marked, then their vectors, then the rows themselves."""

from __future__ import annotations

import structlog

from imagesearch.catalog import collections, image_deletion
from imagesearch.catalog.states import CollectionState
from imagesearch.errors import NotFound
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.uploaded_files import clear_uploads, remove_files

log = structlog.get_logger()

SLICE = 1_000


def finish_deletes(indexer: Indexer, collection_id: int) -> int:
    """Delete the vectors and rows of every image marked in a collection, or of the whole collection.

    Vectors go first: after a crash the marked rows still say what is left to do.

    Returns:
        The number of image rows removed.

    Raises:
        StoreUnavailable: a store went away; reconciliation goes on where this stopped.
    """
    with indexer.catalog.transaction() as tx:
        collection = collections.by_id(tx, collection_id)
    if collection.state == CollectionState.DELETING:
        return _drop(indexer, collection)
    removed = 0
    while True:
        with indexer.catalog.transaction() as tx:
            # Held, so that its index is not replaced by another one between the two.
            collection = collections.lock_shared(tx, collection_id)
            marked = image_deletion.deleting(tx, collection_id, limit=SLICE)
            if not marked:
                return removed
            try:
                indexer.vectors.delete(collection.vector_collection, marked)
            except NotFound:
                log.info("delete.no_vectors", collection=collection.name)
            # Behind the row's removal, an upload of the same picture could have put its file there again.
            remove_files(indexer.uploads, collection_id, image_deletion.files_of(tx, marked))
            image_deletion.remove(tx, marked)
        removed += len(marked)


def _drop(indexer: Indexer, collection: collections.Collection) -> int:
    # Batches that are being written hold the collection; after this lock none of them begins again.
    with indexer.catalog.transaction() as tx:
        collections.lock_exclusive(tx, collection.id)
        indexer.vectors.drop_collection(collection.vector_collection)
    removed = 0
    while True:
        with indexer.catalog.transaction() as tx:
            files = image_deletion.remove_slice(tx, collection.id, limit=SLICE)
            # Before the commit: a crash in between leaves rows that still name what is to go.
            remove_files(indexer.uploads, collection.id, files)
            if not files:
                collections.mark_deleted(tx, collection)
        removed += len(files)
        if not files:
            clear_uploads(indexer.uploads, collection.id)
            log.info("collection.deleted", collection=collection.name, images=removed)
            return removed
