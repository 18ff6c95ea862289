"""Give builds up, have rows follow those that were switched to, and drop vectors that nobody uses any more."""

from __future__ import annotations

import structlog

from imagesearch.catalog import collections, retired
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.reindex import builds, exceptions
from imagesearch.vectors import VectorStore

log = structlog.get_logger()

SLICE = 1_000
SLICES = 20
"""At most so many at once: reconciliation comes every ten seconds."""


def abandon(catalog: Catalog, job_id: str) -> None:
    """Give up the build of a job that has one; whoever is filling it now is waited for."""
    with catalog.transaction() as tx:
        build = builds.lock(tx, job_id)
        if build is not None and build.is_building:
            builds.abandon(tx, build)


def follow_switch(catalog: Catalog, collection_id: int) -> bool:
    """Bring rows of a collection in line with the build that it was switched to, some slices of them.

    Nobody waits for the others: whoever reads a row, or is about to change it, looks at its exception as well.

    Returns:
        Whether every row is in line.

    Raises:
        StoreUnavailable: Postgres went away; reconciliation goes on where this stopped.
    """
    for _ in range(SLICES):
        with catalog.transaction() as tx:
            if not exceptions.apply_next(tx, collection_id, limit=SLICE):
                return True
    return False


def clear_up(catalog: Catalog, vectors: VectorStore) -> int:
    """Drop retired vectors that are due, and the records of builds that have ended.

    Returns:
        The number of Milvus collections dropped.

    Raises:
        StoreUnavailable: a store went away; what is left is noted in Postgres until it is done.
    """
    with catalog.transaction() as tx:
        due = retired.due(tx)
        switching = collections.switching(tx)
    for name in due:
        drop(catalog, vectors, name)
    for collection_id in switching:
        follow_switch(catalog, collection_id)
    for _ in range(SLICES):
        with catalog.transaction() as tx:
            if not exceptions.clear_abandoned(tx, limit=SLICE):
                break
    return len(due)


def drop(catalog: Catalog, vectors: VectorStore, name: str) -> None:
    """Drop vectors that nobody uses, and remember their name.

    Raises:
        StoreUnavailable: a store went away; what is left is noted in Postgres until it is done.
    """
    vectors.drop_collection(name)
    with catalog.transaction() as tx:
        retired.dropped(tx, name)
    log.info("vectors.dropped", name=name)


def drop_late(catalog: Catalog, vectors: VectorStore, *, dry_run: bool) -> int:
    """Drop vectors that a process made again after they had been dropped; return how many.

    Raises:
        StoreUnavailable: a store went away; the next run goes on.
    """
    there = vectors.collections()
    with catalog.reading() as tx:
        late = retired.dropped_among(tx, there)
    if not dry_run:
        for name in late:
            drop(catalog, vectors, name)
    return len(late)
