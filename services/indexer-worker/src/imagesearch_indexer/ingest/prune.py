"""Delete the images of a directory whose files are gone, once a job has seen the whole directory."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import structlog

from imagesearch.catalog import collections, image_queries, jobs, naming
from imagesearch.catalog.image_queries import Placed
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.contract import JobState
from imagesearch.files.paths import is_among_uploads
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.progress import show

log = structlog.get_logger()

SLICE = 1_000
SECONDS = 2.0
"""How long a job is pruned at once: whoever settles its last batch begins, and batches of other jobs wait."""


def prune(indexer: Indexer, job: jobs.Job) -> bool:
    """Delete what a settled job was asked to, and has not found, for a moment; return whether all is looked at.

    Each slice is committed with the place that it has reached.

    Raises:
        StoreUnavailable: a store went away; pruning goes on behind the last slice.
    """
    if not may_prune(job):
        return True
    if job.directory is None or not job.total:
        # An empty listing is more often a missing mount than an emptied library.
        log.warning("prune.refused", job=job.id, reason="the directory holds no files")
        return True
    deadline = time.monotonic() + SECONDS
    after = job.pruned_up_to or ""
    while True:
        with indexer.catalog.reading() as tx:
            found = image_queries.below(tx, job.collection_id, job.directory, after=after, limit=SLICE)
            listed = ledger.holds(tx, job.id, [image.path for image in found])
        if not found:
            return True
        after = found[-1].path
        _delete(indexer, job, [image for image in found if image.path not in listed], after)
        if time.monotonic() > deadline or indexer.stopping.is_set():
            return False


def _delete(indexer: Indexer, job: jobs.Job, unseen: Sequence[Placed], up_to: str) -> None:
    """Delete those of a slice of images whose files are gone, and which the job may change."""
    gone = [
        image.id
        for image in unseen
        if not image.uploaded
        and job.bound_partition in (None, image.partition)
        and not is_among_uploads(image.path, indexer.roots)
        and _is_gone(image.path)
    ]
    with indexer.catalog.transaction() as tx:
        if gone:
            held = collections.lock_shared(tx, job.collection_id)
            removed = naming.delete(tx, held, gone, job.bound_partition)
            counters.removed(tx, job.id, len(removed))
        pruned = jobs.pruned(tx, job.id, up_to)
    show(indexer.progress, pruned)


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
