"""Delete the images of a directory whose files are gone, once a job has seen the whole directory."""

from __future__ import annotations

import os

import structlog

from imagesearch.catalog import collections, image_queries, jobs, naming
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.contract import JobState
from imagesearch.files.paths import is_among_uploads
from imagesearch_indexer.composition import Indexer

log = structlog.get_logger()

SLICE = 1_000


def prune(indexer: Indexer, job: jobs.Job) -> None:
    """Delete what a settled job was asked to, and has not found.

    Raises:
        StoreUnavailable: a store went away; pruning may be repeated.
    """
    if not may_prune(job):
        return
    if job.directory is None or not job.total:
        # An empty listing is more often a missing mount than an emptied library.
        log.warning("prune.refused", job=job.id, reason="the directory holds no files")
        return
    after = ""
    while True:
        with indexer.catalog.transaction() as tx:
            found = image_queries.below(
                tx, job.collection_id, job.directory, after=after, limit=SLICE, partition=job.bound_partition
            )
            listed = ledger.holds(tx, job.id, [path for _, path in found])
        if not found:
            return
        gone = [
            image_id
            for image_id, path in found
            if path not in listed and not is_among_uploads(path, indexer.roots) and _is_gone(path)
        ]
        if gone:
            with indexer.catalog.transaction() as tx:
                held = collections.lock_shared(tx, job.collection_id)
                removed = naming.delete(tx, held, gone, job.bound_partition)
                counters.removed(tx, job.id, len(removed))
        after = found[-1][1]


def may_prune(job: jobs.Job) -> bool:
    """Tell whether a job was asked to prune, and has seen all that it was asked to look at."""
    return job.prune and job.state != JobState.CANCELLED and job.error is None


def _is_gone(path: str) -> bool:
    """Tell whether nothing lies at the path; a path that may not be looked at counts as there."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
