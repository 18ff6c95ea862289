"""Find what a crash left behind, and repair it from Postgres."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from imagesearch.catalog import collections, engine, jobs, retired
from imagesearch.catalog.jobs import counters, leases, ledger
from imagesearch.contract import Finding, Findings, JobState, PlanJob, Reconcile, TaskName
from imagesearch.messaging.claims import plan_task_id
from imagesearch.metrics import RECONCILE_FINDINGS
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.deletion import collect, finish_deletes
from imagesearch_indexer.lifecycle.dispatch import dispatch
from imagesearch_indexer.lifecycle.finish import cancel_orphaned, close_cancelled, end_job
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.retirement import clear_up, drop_late
from imagesearch_indexer.lifecycle.uploaded_files import remove_stray_files
from imagesearch_indexer.reconcile.expired import forget_single_image_jobs, forget_uploads
from imagesearch_indexer.reconcile.lost_batches import LOOK_LIMIT, recover_batches
from imagesearch_indexer.reconcile.old_paths import resolve_old_paths
from imagesearch_indexer.reconcile.vectors import sweep

log = structlog.get_logger()


def reconcile(indexer: Indexer, message: Reconcile) -> Findings:
    """Look for lost batches, planners, endings, deletes and counts, and repair each; any number may run.

    Returns:
        What was found, repaired unless the message asked for a dry run.

    Raises:
        StoreUnavailable: a store went away; the next run goes on.
    """
    lost, job_ids = recover_batches(indexer, dry_run=message.dry_run)
    if not message.dry_run:
        # First, so that whoever has batches to send after this waits for room.
        dispatch(indexer)
        for job_id in [*job_ids, *_add_up(indexer)]:
            end_job(indexer, job_id)
    findings = [lost, *_jobs(indexer, dry_run=message.dry_run)]
    findings.append(_deletes(indexer, dry_run=message.dry_run))
    findings.append(resolve_old_paths(indexer, dry_run=message.dry_run))
    findings.append(_retired(indexer, dry_run=message.dry_run))
    if message.deep:
        findings += _recounts(indexer, dry_run=message.dry_run)
        findings += sweep(indexer, dry_run=message.dry_run)
        findings.append(_late(indexer, dry_run=message.dry_run))
        findings.append(forget_single_image_jobs(indexer, dry_run=message.dry_run))
        findings.append(forget_uploads(indexer, dry_run=message.dry_run))
    found = tuple(finding for finding in findings if finding.count)
    for finding in found:
        if not message.dry_run:
            RECONCILE_FINDINGS.labels(finding.kind).inc(finding.count)
        log.info(
            "reconciled", kind=finding.kind, count=finding.count, detail=finding.detail, dry_run=message.dry_run
        )
    return Findings(found)


def _add_up(indexer: Indexer) -> list[str]:
    """Count what batches have come to whose workers died before their jobs were counted; return the jobs.

    It is no finding: most of it is on the way to be counted by those who wrote it.
    """
    with indexer.catalog.reading() as tx:
        behind = counters.behind(tx, limit=LOOK_LIMIT)
    for job_id in behind:
        with indexer.catalog.transaction() as tx:
            job = counters.add_up(tx, jobs.get(tx, job_id))
        show(indexer.catalog, indexer.progress, job)
    return behind


def _jobs(indexer: Indexer, *, dry_run: bool) -> list[Finding]:
    with indexer.catalog.transaction() as tx:
        now = engine.now(tx)
        open_jobs = jobs.open_jobs(tx)
        homes = {collection.id for collection in collections.all_active(tx)}
    orphaned = [job for job in open_jobs if job.collection_id not in homes and job.state != JobState.CANCELLED]
    planners = indexer.in_flight.planned_jobs() if open_jobs else set()
    unplanned = [job for job in open_jobs if job.needs_planner and job.id not in planners]
    lapsed = [job for job in unplanned if _age(job, now) > timedelta(seconds=indexer.settings.lease_seconds)]
    cancelled = [job for job in open_jobs if job.state == JobState.CANCELLED]
    ending = [job for job in open_jobs if job.all_settled]
    stalled = [job for job in open_jobs if _is_late(indexer, job, now) and not _waits_its_turn(indexer, job)]
    unshown = [job for job in open_jobs if _is_unshown(indexer, job)]
    if not dry_run:
        for job in orphaned:
            cancel_orphaned(indexer, job.id)
        for job in lapsed:
            indexer.send(TaskName.PLAN, PlanJob(job.id), plan_task_id(job.id))
        for job in cancelled:
            close_cancelled(indexer, job.id)
        if cancelled:
            dispatch(indexer)
        for job in stalled:
            _mark_stalled(indexer, job)
        for job in ending:
            end_job(indexer, job.id)
        for job in unshown:
            show(indexer.catalog, indexer.progress, job)
    return [
        _finding("planning_lost", lapsed, "planning is asked for again"),
        _finding("collection_gone", orphaned, "the job is cancelled"),
        _finding("cancel_unfinished", cancelled, "open paths are recorded as cancelled"),
        _finding("end_unfinished", ending, "the job is ended"),
        _finding("stalled", stalled, "no progress for too long"),
        _finding("progress_unpublished", unshown, "counters are published again"),
    ]


def _finding(kind: str, found: list[jobs.Job], what: str) -> Finding:
    return Finding(kind, len(found), f"{what}: {', '.join(job.id for job in found[:5])}" if found else "")


def _age(job: jobs.Job, now: datetime) -> timedelta:
    return now - (job.progressed_at or job.created_at)


def _is_late(indexer: Indexer, job: jobs.Job, now: datetime) -> bool:
    return job.state.is_working and _age(job, now) > timedelta(seconds=indexer.settings.stall_seconds)


def _waits_its_turn(indexer: Indexer, job: jobs.Job) -> bool:
    """Tell whether nothing of a job is on its way because others have taken the room; they may stand still."""
    with indexer.catalog.reading() as tx:
        return leases.waits_its_turn(tx, job.id)


def _is_unshown(indexer: Indexer, job: jobs.Job) -> bool:
    shown = indexer.progress.read(job.id)
    return shown is None or shown.revision < job.revision


def _mark_stalled(indexer: Indexer, job: jobs.Job) -> None:
    if job.stalled_at is None:
        log.error("job.stalled", job=job.id, done=job.done, total=job.total, since=str(job.progressed_at))
        with indexer.catalog.transaction() as tx:
            job = jobs.stalled(tx, job.id)
        show(indexer.catalog, indexer.progress, job)


def _deletes(indexer: Indexer, *, dry_run: bool) -> Finding:
    with indexer.catalog.transaction() as tx:
        unfinished = collections.deleting(tx)
    if not dry_run:
        for collection_id in unfinished:
            finish_deletes(indexer, collection_id)
        remove_stray_files(indexer)
        collect(indexer, indexer.settings.vector_grace)
    return Finding("delete_unfinished", len(unfinished), "deletions are finished" if unfinished else "")


def _retired(indexer: Indexer, *, dry_run: bool) -> Finding:
    with indexer.catalog.transaction() as tx:
        due = retired.count_due(tx)
    if not dry_run:
        clear_up(indexer.catalog, indexer.vectors)
    return Finding("vectors_retired", due, "replaced or abandoned vectors are dropped" if due else "")


def _late(indexer: Indexer, *, dry_run: bool) -> Finding:
    late = drop_late(indexer.catalog, indexer.vectors, dry_run=dry_run)
    return Finding(
        "vectors_made_again", late, "vectors that were dropped before are dropped again" if late else ""
    )


def _recounts(indexer: Indexer, *, dry_run: bool) -> list[Finding]:
    """Compare the counters of open jobs with their ledger."""
    with indexer.catalog.transaction() as tx:
        open_jobs = jobs.open_jobs(tx)
    wrong = [job.id for job in open_jobs if _recount(indexer, job.id, dry_run=dry_run)]
    return [Finding("counters_wrong", len(wrong), f"counted anew: {', '.join(wrong[:5])}" if wrong else "")]


def _recount(indexer: Indexer, job_id: str, *, dry_run: bool) -> bool:
    with indexer.catalog.transaction() as tx:
        # Every counter moves in a transaction that changes the job's row, so none moves under this lock.
        job = jobs.lock(tx, job_id)
        total, outcomes = ledger.recount(tx, job_id)
        is_right = (job.total, job.outcomes) == (total, outcomes)
        if not is_right and not dry_run:
            counters.recounted(tx, job_id, total, outcomes)
    return not is_right
