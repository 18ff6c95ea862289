"""Remove the files of exports that nobody is to have any longer."""

from __future__ import annotations

from imagesearch.catalog import exports
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.step import DONE, Step

AT_ONCE = 10
"""Exports that one run removes: runs are ten seconds apart."""


def remove_exports(indexer: Indexer, report: Report) -> None:
    """Remove exports that somebody has removed, that are old, that were given up, or whose collection is deleted.

    Raises:
        StoreUnavailable: a store went away; the next run goes on.
    """
    with indexer.catalog.reading() as tx:
        due = exports.due(tx, indexer.settings.keep_exports, limit=AT_ONCE)
    report.add("exports_to_remove", len(due), "their files are removed")
    if report.dry_run or indexer.exports is None:
        return
    for job_id in due:
        with report.guarded(f"export {job_id}"):
            with indexer.catalog.transaction() as tx:
                # First, so that nobody is sent a part of it.
                exports.remove(tx, job_id)
            indexer.exports.remove(job_id)
            _forget(indexer, job_id)


def _forget(indexer: Indexer, job_id: str) -> None:
    is_forgotten = False
    while not is_forgotten:
        with indexer.catalog.transaction() as tx:
            is_forgotten = exports.forget_parts(tx, job_id)
            if is_forgotten:
                exports.cleared(tx, job_id)


def remove_late_exports(indexer: Indexer, report: Report, _: str | None) -> Step:
    """Remove what a writer that stood still has written into an export that was removed meanwhile.

    Raises:
        StoreUnavailable: a store went away; the next comparison looks again.
    """
    if indexer.exports is None:
        return DONE
    held = indexer.exports.job_ids()
    with indexer.catalog.reading() as tx:
        gone = exports.cleared_among(tx, held)
    report.add("exports_written_late", len(gone), "files of exports that were removed are removed again")
    for job_id in () if report.dry_run else sorted(gone):
        with report.guarded(f"export {job_id}"):
            indexer.exports.remove(job_id)
    return DONE
