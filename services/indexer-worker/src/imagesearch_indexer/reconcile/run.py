"""Find what a crash left behind, and repair it from Postgres."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from imagesearch.catalog import collections, jobs, retired
from imagesearch.catalog.jobs import counters
from imagesearch.catalog.quotas.limits import COUNTING
from imagesearch.contract import Finding, Findings, Reconcile
from imagesearch.metrics import RECONCILE_FINDINGS
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.deletion import collect, finish_deletes
from imagesearch_indexer.lifecycle.dispatch import dispatch_left
from imagesearch_indexer.lifecycle.finish import cancel_orphaned, close_cancelled, end_job
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.retirement import clear_up, drop_late
from imagesearch_indexer.lifecycle.uploaded_files import remove_stray_files
from imagesearch_indexer.reconcile import everything
from imagesearch_indexer.reconcile.expired import (
    forget_audit_events,
    forget_keyed_requests,
    forget_single_image_jobs,
    forget_uploads,
)
from imagesearch_indexer.reconcile.exports import remove_exports, remove_late_exports
from imagesearch_indexer.reconcile.image_counts import check_counts, count_backlog
from imagesearch_indexer.reconcile.ledgers import fold_ledgers
from imagesearch_indexer.reconcile.lost_batches import LOOK_LIMIT, recover_batches
from imagesearch_indexer.reconcile.old_paths import resolve_old_paths
from imagesearch_indexer.reconcile.open_jobs import Repairs, look_at_open_jobs
from imagesearch_indexer.reconcile.quota_counts import check_quotas, count_new_quotas
from imagesearch_indexer.reconcile.recounts import recount_jobs
from imagesearch_indexer.reconcile.report import Report, TurnLost
from imagesearch_indexer.reconcile.step import DONE, Step
from imagesearch_indexer.reconcile.turn import turn
from imagesearch_indexer.reconcile.vectors import sweep_slice

log = structlog.get_logger()

PATIENCE_SECONDS = 15.0
"""How long somebody waits for the end of another run who wants everything compared."""
COMPARING_SECONDS = 20.0
"""How long one run compares everything, when that was asked for: lost batches wait meanwhile."""


def reconcile(indexer: Indexer, message: Reconcile) -> Findings:
    """Look for what is lost, unfinished or wrong, and repair it; one process at a time does, whoever is asked.

    What fails is reported, and keeps nothing else from being repaired. Comparing everything goes on in the runs
    that follow, where one is too short.

    Returns:
        What was found, repaired unless the message asked for a dry run.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on.
    """
    if message.dry_run:
        report = Report(dry_run=True, renew=lambda: None)
        _run(indexer, report, seconds=COMPARING_SECONDS if message.deep else 0.0)
        return _said(report)
    if message.deep:
        # First, so that it is done by whoever reconciles.
        everything.begin(indexer, EVERYTHING)
    with turn(indexer, patience=PATIENCE_SECONDS if message.deep else 0.0) as mine:
        if mine is None:
            return Findings((Finding("reconciliation_runs", 1, "another process reconciles"),))
        report = Report(dry_run=False, renew=mine.renew)
        seconds = COMPARING_SECONDS if message.deep else indexer.settings.reconcile_seconds
        try:
            _run(indexer, report, seconds=seconds)
        except TurnLost as error:
            log.warning("reconcile.broken_off", reason=str(error))
    return _said(report)


def _run(indexer: Indexer, report: Report, *, seconds: float) -> None:
    for name, part in PARTS.items():
        with report.guarded(name):
            part(indexer, report)
    if seconds:
        everything.go_on(indexer, report, SLICED, seconds=seconds)


def _said(report: Report) -> Findings:
    findings = report.findings()
    for finding in findings:
        if not report.dry_run:
            RECONCILE_FINDINGS.labels(finding.kind).inc(finding.count)
        log.info(
            "reconciled", kind=finding.kind, count=finding.count, detail=finding.detail, dry_run=report.dry_run
        )
    return Findings(findings)


def _batches(indexer: Indexer, report: Report) -> None:
    lost, job_ids = recover_batches(indexer, dry_run=report.dry_run)
    report.add(lost.kind, lost.count, lost.detail)
    if report.dry_run:
        return
    # First, so that whoever has batches to send after this waits for room.
    dispatch_left(indexer)
    for job_id in [*job_ids, *_add_up(indexer)]:
        with report.guarded(f"job {job_id}"):
            end_job(indexer, job_id)


def _add_up(indexer: Indexer) -> list[str]:
    """Count what batches have come to whose workers died before their jobs were counted; return the jobs.

    It is no finding: most of it is on the way to be counted by those who wrote it.
    """
    with indexer.catalog.reading() as tx:
        behind = counters.behind(tx, limit=LOOK_LIMIT)
    for job_id in behind:
        with indexer.catalog.transaction() as tx:
            job = counters.add_up(tx, jobs.get(tx, job_id))
        show(indexer.progress, job)
    return behind


def _jobs(indexer: Indexer, report: Report) -> None:
    if look_at_open_jobs(indexer, report, REPAIRS):
        # There is room for others.
        dispatch_left(indexer)


def _deletes(indexer: Indexer, report: Report) -> None:
    with indexer.catalog.transaction() as tx:
        unfinished = collections.deleting(tx)
    report.add("delete_unfinished", len(unfinished), "deletions are finished")
    if report.dry_run:
        return
    for collection_id in unfinished:
        with report.guarded(f"collection {collection_id}"):
            finish_deletes(indexer, collection_id)
    with report.guarded("stray files"):
        remove_stray_files(indexer)
    collect(indexer, indexer.settings.vector_grace)


def _old_paths(indexer: Indexer, report: Report) -> None:
    found = resolve_old_paths(indexer, dry_run=report.dry_run)
    report.add(found.kind, found.count, found.detail)


def _counts(indexer: Indexer, report: Report) -> None:
    found = count_backlog(indexer, dry_run=report.dry_run)
    report.add(found.kind, found.count, found.detail)


def _retired(indexer: Indexer, report: Report) -> None:
    with indexer.catalog.transaction() as tx:
        due = retired.count_due(tx)
    report.add("vectors_retired", due, "replaced or abandoned vectors are dropped")
    if not report.dry_run:
        clear_up(indexer.catalog, indexer.vectors)


REPAIRS: Final = Repairs(cancel_orphaned, close_cancelled, end_job)
PARTS: Final[Mapping[str, Callable[[Indexer, Report], None]]] = {
    "batches": _batches,
    "jobs": _jobs,
    "deletions": _deletes,
    "old paths": _old_paths,
    "image counts": _counts,
    "retired vectors": _retired,
    "exports": remove_exports,
}
"""What each run looks at, in this order."""


def _drop_late(indexer: Indexer, report: Report, _: str | None) -> Step:
    late = drop_late(indexer.catalog, indexer.vectors, dry_run=report.dry_run)
    report.add("vectors_made_again", late, "vectors that were dropped before are dropped again")
    return DONE


SLICED: Final[Mapping[str, everything.Part]] = {
    "recounts": recount_jobs,
    COUNTING: count_new_quotas,
    "image_counts": check_counts,
    "quotas": check_quotas,
    "vectors": sweep_slice,
    "late_vectors": _drop_late,
    "ledgers": fold_ledgers,
    "single_jobs": forget_single_image_jobs,
    "audit_events": forget_audit_events,
    "keyed_requests": forget_keyed_requests,
    "uploads": forget_uploads,
    "late_exports": remove_late_exports,
}
"""What is compared slice by slice, in this order. An older release leaves a part that it does not know."""
EVERYTHING: Final = tuple(part for part in SLICED if part != COUNTING)
"""What is compared once an hour; whoever sets a quota begins what is left out."""
