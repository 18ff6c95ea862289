"""Finish the deletion of collections, and collect the vectors that deletions and changes have left."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog

from imagesearch.catalog import collections, image_deletion, retired, tombstones
from imagesearch.catalog.states import CollectionState
from imagesearch.errors import NotFound
from imagesearch.metrics import VECTORS_COLLECTED
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.retirement import clear_up
from imagesearch_indexer.lifecycle.uploaded_folders import clear_uploads

log = structlog.get_logger()

SLICE = 1_000
SECONDS = 5.0
"""How long one run collects, or deletes rows of a collection: runs are ten seconds apart, and others wait."""


def finish_deletes(indexer: Indexer, collection_id: int) -> int:
    """Delete vectors, rows and uploads of a collection that is marked, for some seconds; any other stays as it is.

    A large collection is deleted in many runs of reconciliation.

    Returns:
        The number of image rows removed.

    Raises:
        StoreUnavailable: a store went away; reconciliation goes on where this stopped.
    """
    with indexer.catalog.transaction() as tx:
        # Whoever adds to the collection holds it; after this lock nobody begins again.
        collection = collections.lock_exclusive(tx, collection_id)
        if collection.state != CollectionState.DELETING:
            return 0
        retired.retire(tx, collection.vector_collection)
    clear_up(indexer.catalog, indexer.vectors)
    removed, deadline = 0, time.monotonic() + SECONDS
    while True:
        with indexer.catalog.transaction() as tx:
            held = collections.lock_exclusive(tx, collection.id)
            slice_removed = image_deletion.remove_slice(tx, collection.id, limit=SLICE)
            is_deleted = slice_removed == 0
            if is_deleted:
                collections.mark_deleted(tx, held)
        removed += slice_removed
        if is_deleted:
            break
        if time.monotonic() > deadline or indexer.stopping.is_set():
            log.info("collection.goes_on", collection=collection.name, images=removed)
            return removed
    # A file that is stored behind this, or left by a process that dies here, is found by the next deep look.
    clear_uploads(indexer.uploads, collection.id)
    log.info("collection.deleted", collection=collection.name, images=removed)
    return removed


def collect(indexer: Indexer, grace: timedelta) -> int:
    """Delete vectors that no row has named for a while, for some seconds at most; return how many.

    A key is never used again, so that deleting one twice, or long after, harms nothing.

    Raises:
        StoreUnavailable: a store went away; what is left is noted in Postgres until it is done.
    """
    collected, deadline = 0, time.monotonic() + SECONDS
    with indexer.catalog.reading() as tx:
        names = tombstones.vector_collections(tx)
    for name in names:
        more = True
        while more and time.monotonic() < deadline and not indexer.stopping.is_set():
            with indexer.catalog.reading() as tx:
                keys = tombstones.due(tx, name, grace, limit=SLICE)
            if keys:
                try:
                    indexer.vectors.delete(name, keys)
                except NotFound:
                    log.info("vectors.not_there", name=name)
                with indexer.catalog.transaction() as tx:
                    tombstones.forget(tx, name, keys)
                VECTORS_COLLECTED.inc(len(keys))
            collected += len(keys)
            more = len(keys) == SLICE
    return collected
