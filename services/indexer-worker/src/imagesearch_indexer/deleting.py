"""Finish deletions: rows that are marked, then their vectors, then the rows themselves."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import structlog

from imagesearch import uploads
from imagesearch.catalog import collections, images, selecting
from imagesearch.errors import NotFound
from imagesearch_indexer.composition import Indexer

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
    if collection.state == "deleting":
        return _drop(indexer, collection)
    removed = 0
    while True:
        with indexer.catalog.transaction() as tx:
            # Held, so that its index is not replaced by another one between the two.
            collection = collections.hold(tx, collection_id)
            marked = images.deleting(tx, collection_id, limit=SLICE)
            if not marked:
                return removed
            try:
                indexer.vectors.delete(collection.vector_collection, marked)
            except NotFound:
                log.info("delete.no_vectors", collection=collection.name)
            # Behind the row's removal, an upload of the same picture could have put its file there again.
            remove_files(indexer.upload_root, collection_id, selecting.paths_of(tx, marked))
            images.remove(tx, marked)
        removed += len(marked)


def remove_files(root: Path | None, collection_id: int, paths: Sequence[str]) -> None:
    """Remove those of the files that were uploaded to a collection; a library's own files are never touched."""
    if root is None:
        return
    folder = uploads.folder_of(root, collection_id)
    for path in map(Path, paths):
        if path.is_relative_to(folder):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                # It is found by nobody any more, and must not keep its image from being deleted.
                log.warning("upload.not_removed", collection=collection_id, reason=str(error))


def _drop(indexer: Indexer, collection: collections.Collection) -> int:
    # Batches that are being written hold the collection; after this lock none of them begins again.
    with indexer.catalog.transaction() as tx:
        collections.take_over(tx, collection.id)
        indexer.vectors.drop_collection(collection.vector_collection)
    if indexer.upload_root is not None:
        shutil.rmtree(uploads.folder_of(indexer.upload_root, collection.id), ignore_errors=True)
    removed = 0
    while True:
        with indexer.catalog.transaction() as tx:
            count = images.remove_slice(tx, collection.id, limit=SLICE)
            if not count:
                collections.mark_deleted(tx, collection)
        removed += count
        if not count:
            log.info("collection.deleted", collection=collection.name, images=removed)
            return removed
