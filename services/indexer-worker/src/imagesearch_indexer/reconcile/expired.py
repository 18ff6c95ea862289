"""Forget what nobody asks for any more: single-image jobs, audit events, uploads to collections that are gone."""

from __future__ import annotations

from imagesearch.catalog import audit, collections, keyed_requests
from imagesearch.catalog.jobs import single_image
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.uploaded_folders import clear_uploads
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.step import DONE, Step

SLICE = 1_000


def forget_single_image_jobs(indexer: Indexer, report: Report, _: str | None) -> Step:
    """Remove some single-image jobs that ended long enough ago, with their batches and their ledger.

    Nobody lists them, and there is one for every upload and every change. Jobs that were submitted as such are
    history, and stay.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on.
    """
    age = indexer.settings.keep_single_image_jobs
    with indexer.catalog.transaction() as tx:
        if report.dry_run:
            forgotten = single_image.count_ended(tx, age, most=SLICE)
        else:
            forgotten = single_image.remove_ended(tx, age, limit=SLICE)
    return _said(report, "single_jobs_ended", forgotten, "jobs of one picture are forgotten")


def forget_audit_events(indexer: Indexer, report: Report, _: str | None) -> Step:
    """Remove some events of the audit log that happened long enough ago.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on.
    """
    age = indexer.settings.keep_audit_events
    with indexer.catalog.transaction() as tx:
        if report.dry_run:
            forgotten = audit.count_older(tx, age, most=SLICE)
        else:
            forgotten = audit.remove_older(tx, age, limit=SLICE)
    return _said(report, "audit_events_old", forgotten, "events of the audit log are forgotten")


def forget_keyed_requests(indexer: Indexer, report: Report, _: str | None) -> Step:
    """Remove some requests that came under an Idempotency-Key long enough ago.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on.
    """
    with indexer.catalog.transaction() as tx:
        if report.dry_run:
            forgotten = keyed_requests.count_old(tx, most=SLICE)
        else:
            forgotten = keyed_requests.remove_old(tx, limit=SLICE)
    return _said(report, "keyed_requests_old", forgotten, "requests under Idempotency-Keys are forgotten")


def _said(report: Report, kind: str, forgotten: int, detail: str) -> Step:
    """Report a slice that was forgotten, and return the step behind it: after a full one there may be more."""
    report.add(kind, forgotten, detail)
    return Step("") if forgotten == SLICE and not report.dry_run else DONE


def forget_uploads(indexer: Indexer, report: Report, _: str | None) -> Step:
    """Remove files that an upload wrote while its collection was being deleted.

    Only of collections that the catalogue knows as deleted: the files of one that it has never heard of may belong
    to another catalogue.

    Raises:
        StoreUnavailable: Postgres or the object store of uploads went away; nothing was removed.
    """
    held = indexer.uploads.collections() if indexer.uploads is not None else set()
    with indexer.catalog.reading() as tx:
        gone = collections.deleted_among(tx, held)
    for collection_id in sorted(gone):
        with report.guarded(f"uploads of collection {collection_id}"):
            found = clear_uploads(indexer.uploads, collection_id, dry_run=report.dry_run)
            report.add("uploads_without_collection", found, "files of deleted collections are removed")
    return DONE
