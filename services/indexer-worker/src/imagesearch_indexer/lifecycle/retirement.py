"""Give builds up, and drop vectors that nobody uses any more."""

from __future__ import annotations

import structlog

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.reindex import builds, contents
from imagesearch.vectors import VectorStore

log = structlog.get_logger()


def abandon(catalog: Catalog, job_id: str) -> None:
    """Give up the build of a job that has one; whoever is filling it now is waited for."""
    with catalog.transaction() as tx:
        build = builds.lock(tx, job_id)
        if build is not None and build.is_building:
            builds.abandon(tx, build)


def clear_up(catalog: Catalog, vectors: VectorStore) -> int:
    """Drop retired vectors that are due, and the records of builds that have ended.

    Returns:
        The number of Milvus collections dropped.

    Raises:
        StoreUnavailable: a store went away; what is left is noted in Postgres until it is done.
    """
    with catalog.transaction() as tx:
        due = builds.retired(tx)
    for name in due:
        vectors.drop_collection(name)
        with catalog.transaction() as tx:
            builds.forget_retired(tx, [name])
        log.info("vectors.dropped", name=name)
    more = True
    while more:
        with catalog.transaction() as tx:
            more = bool(contents.clear_ended(tx))
    return len(due)
