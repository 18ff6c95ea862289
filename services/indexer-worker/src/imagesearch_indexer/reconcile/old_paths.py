"""Bring old rows to the one form of paths: two names of one file are one image, and uploads carry their mark."""

from __future__ import annotations

import time
from pathlib import Path

import structlog

from imagesearch.catalog import collections, images, naming, path_backlog
from imagesearch.catalog.constants import MAX_PATH_BYTES
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.path_backlog import StoredPath
from imagesearch.catalog.states import ImageState
from imagesearch.contract import Finding
from imagesearch.files.paths import canonical, root_of
from imagesearch.text import is_utf8
from imagesearch_indexer.composition import Indexer

log = structlog.get_logger()

SLICE = 500
SECONDS = 1.0
"""How long one run works: resolving 500 paths takes some 30 ms on a local disk, and runs are ten seconds apart."""


def resolve_old_paths(indexer: Indexer, *, dry_run: bool) -> Finding:
    """Look at the next rows that an older release may have written, for a moment.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on behind the last slice.
    """
    if dry_run:
        with indexer.catalog.reading() as tx:
            return _finding(int(path_backlog.is_open(tx)))
    deadline, looked_at, is_stuck = time.monotonic() + SECONDS, 0, False
    while not is_stuck and time.monotonic() < deadline and not indexer.stopping.is_set():
        with indexer.catalog.transaction() as tx:
            found = path_backlog.next_slice(tx, limit=SLICE)
            # Before any row, like everybody else.
            for collection_id in sorted({image.collection_id for image in found}):
                collections.lock_shared(tx, collection_id)
            for image in found:
                if not _bring(indexer, tx, image):
                    path_backlog.wait_at(tx, image.image_id)
                    is_stuck = True
                    break
        if not found:
            break
        looked_at += len(found)
    return _finding(looked_at)


def _finding(count: int) -> Finding:
    return Finding("path_not_looked_at", count, "paths of older releases are brought to one form" if count else "")


def _bring(indexer: Indexer, tx: Transaction, image: StoredPath) -> bool:
    """Give an image its path and its mark; return False where that has to wait for another row to go."""
    path = _one_form(indexer, image.path)
    if path != image.path:
        twin = path_backlog.at_paths(tx, image.collection_id, [path]).get(path)
        if twin is not None and not _keeps(tx, image, twin):
            return True
        if not path_backlog.rename(tx, image, path):
            return False
    uploads = indexer.uploads
    if uploads is not None and not image.uploaded and uploads.is_place(path, image.collection_id):
        images.mark_uploaded(tx, image.image_id)
    return True


def _one_form(indexer: Indexer, path: str) -> str:
    """Return the one form of a path, or the path itself where that may not be read or cannot be stored."""
    resolved = canonical(path)
    if not is_utf8(resolved) or len(resolved.encode()) > MAX_PATH_BYTES:
        return path
    return resolved if root_of(Path(resolved), indexer.roots) is not None else path


def _keeps(tx: Transaction, image: StoredPath, twin: StoredPath) -> bool:
    """Delete one of two rows of the same file, and tell whether the first is kept.

    It is the one that is not indexed, or else the one under the other name.
    """
    gone = twin if image.state == ImageState.INDEXED and twin.state != ImageState.INDEXED else image
    log.info("path.two_rows_of_one_file", kept=(twin if gone is image else image).image_id, deleted=gone.image_id)
    naming.delete(tx, collections.by_id(tx, image.collection_id), [gone.image_id])
    return gone is twin
