"""Remove the files of uploads that no image has any more."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog

from imagesearch.catalog import stray_files
from imagesearch.catalog.stray_files import StrayFile
from imagesearch.errors import StoreUnavailable
from imagesearch.files.bucket import UPLOADS as OBJECT_STORE
from imagesearch_indexer.composition import Indexer

log = structlog.get_logger()

SLICE = 500
SECONDS = 5.0
"""How long one run looks: runs are ten seconds apart, and must not take all threads of the indexers."""
TRY_AGAIN_AFTER = timedelta(hours=1)


def remove_stray_files(indexer: Indexer) -> int:
    """Remove the files of uploads that no image has any more, for some seconds; return how many paths were seen.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on.
    """
    looked_at, more, deadline = 0, True, time.monotonic() + SECONDS
    while more and time.monotonic() < deadline and not indexer.stopping.is_set():
        with indexer.catalog.reading() as tx:
            due = stray_files.due(tx, limit=SLICE)
        left, is_away = [], False
        for number, stray in enumerate(due, 1):
            try:
                if not _has_looked(indexer, stray):
                    left.append(stray)
            except StoreUnavailable as error:
                if error.store != OBJECT_STORE:
                    raise
                # Whether it fails for all or for this one alone is not known: the others come before it next time.
                log.warning("upload.not_removed", reason=str(error))
                left.append(stray)
                due, is_away = due[:number], True
                break
        if due:
            with indexer.catalog.transaction() as tx:
                for stray in left:
                    stray_files.note(tx, stray.collection_id, [stray.path], after=TRY_AGAIN_AFTER)
                stray_files.forget(tx, due)
        looked_at += len(due)
        more = len(due) == SLICE and not is_away
    return looked_at


def _has_looked(indexer: Indexer, stray: StrayFile) -> bool:
    """Remove the file at a path unless an image has it; return False where the file system does not allow that."""

    def is_wanted() -> bool:
        with indexer.catalog.reading() as tx:
            return stray_files.is_wanted(tx, stray)

    # A library's own files are never removed: no upload of the collection has such a path.
    if indexer.uploads is None or not indexer.uploads.is_place(stray.path, stray.collection_id):
        return True
    try:
        indexer.uploads.remove(stray.path, is_wanted)
    except OSError as error:
        log.warning("upload.not_removed", reason=str(error))
        return False
    return True
