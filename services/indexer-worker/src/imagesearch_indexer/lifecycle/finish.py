"""Bring a job to its end once every path has its outcome."""

from __future__ import annotations

import os

import structlog

from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.contract import JobState
from imagesearch.errors import NotFound
from imagesearch.files.paths import is_among_uploads
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.lifecycle.progress import show

log = structlog.get_logger()

PRUNE_SLICE = 1_000


def end_job(indexer: Indexer, job_id: str) -> None:
    """End a job that is settled; any other, or one that has ended, stays as it is.

    A job only reads as ended when what it indexed can be searched: the strongly consistent count waits for
    every write before it, and later searches at bounded staleness see at least as much.

    Raises:
        StoreUnavailable: a store went away; ending is repeated by reconciliation.
    """
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
        collection = collections.by_id(tx, job.collection_id)
    if job.finished_at is not None or not job.all_settled:
        return
    if job.prune and job.state != JobState.CANCELLED and job.error is None:
        _prune(indexer, job)
    if job.indexed and collection.state == "active":
        _settle_vectors(indexer, collection.vector_collection)
    with indexer.catalog.transaction() as tx:
        ended = jobs.finish(tx, job_id)
    show(indexer, ended)
    if ended.finished_at is not None:
        log.info("job.ended", job=job_id, state=str(ended.state), total=ended.total, failed=ended.failed)


def _settle_vectors(indexer: Indexer, name: str) -> None:
    try:
        indexer.vectors.count(name, strong=True)
        indexer.vectors.compact(name)
    except NotFound:
        # Deleted a moment ago, or lost by the store: the job has ended all the same.
        log.warning("vectors.gone", collection=name)


def _prune(indexer: Indexer, job: jobs.Job) -> None:
    """Delete the images below the job's directory whose files are gone."""
    if job.directory is None or not job.total:
        # An empty listing is more often a missing mount than an emptied library.
        log.warning("prune.refused", job=job.id, reason="the directory holds no files")
        return
    after = ""
    while True:
        with indexer.catalog.transaction() as tx:
            found = images.below(tx, job.collection_id, job.directory, after=after, limit=PRUNE_SLICE)
            held = ledger.holds(tx, job.id, [path for _, path in found])
        if not found:
            return
        gone = [
            image_id
            for image_id, path in found
            if path not in held and not is_among_uploads(path, indexer.roots) and _is_gone(path)
        ]
        with indexer.catalog.transaction() as tx:
            removed = images.mark_deleting(tx, job.collection_id, gone)
            counters.removed(tx, job.id, len(removed))
        finish_deletes(indexer, job.collection_id)
        after = found[-1][1]


def _is_gone(path: str) -> bool:
    """Tell whether nothing lies at the path; a path that may not be looked at counts as there."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
