"""Remove the files of uploads that no image has any more."""

from __future__ import annotations

import structlog

from imagesearch.catalog import stray_files
from imagesearch.catalog.stray_files import StrayFile
from imagesearch_indexer.composition import Indexer

log = structlog.get_logger()

SLICE = 500


def remove_stray_files(indexer: Indexer) -> int:
    """Remove the files of uploads that no image has any more; return how many paths were looked at.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on.
    """
    looked_at, more = 0, True
    while more and not indexer.stopping.is_set():
        with indexer.catalog.reading() as tx:
            due = stray_files.due(tx, limit=SLICE)
        for stray in due:
            _look(indexer, stray)
        if due:
            with indexer.catalog.transaction() as tx:
                stray_files.forget(tx, due)
        looked_at += len(due)
        more = len(due) == SLICE
    return looked_at


def _look(indexer: Indexer, stray: StrayFile) -> None:
    def is_wanted() -> bool:
        with indexer.catalog.reading() as tx:
            return stray_files.is_wanted(tx, stray)

    # A library's own files are never removed: no upload of the collection has such a path.
    if indexer.uploads is None or not indexer.uploads.is_place(stray.path, stray.collection_id):
        return
    try:
        indexer.uploads.remove(stray.path, is_wanted)
    except OSError as error:
        # It is found by nobody any more.
        log.warning("upload.not_removed", reason=str(error))
