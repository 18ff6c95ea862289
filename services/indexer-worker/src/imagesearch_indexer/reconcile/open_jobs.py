"""Look at each job that has not ended, and have it go on where a crash stopped it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from imagesearch.catalog import collections, engine, jobs, reconciliation
from imagesearch.catalog.jobs import leases
from imagesearch.contract import JobState, PlanJob, TaskName
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.reconcile.report import Report

log = structlog.get_logger()

SLICE = 500

WHAT = {
    "planning_lost": "planning is asked for again",
    "collection_gone": "the job is cancelled",
    "cancel_unfinished": "open paths are recorded as cancelled",
    "end_unfinished": "the job is ended",
    "stalled": "no progress for too long",
    "progress_unpublished": "counters are published again",
}


Repair = Callable[[Indexer, str], None]


@dataclass(frozen=True, slots=True)
class Repairs:
    """Name what is done to a job, given by its id; each leaves a job as it is that does not need it."""

    cancel_orphaned: Repair
    close_cancelled: Repair
    end: Repair


def look_at_open_jobs(indexer: Indexer, report: Report, repairs: Repairs) -> bool:
    """Repair open jobs, oldest first, for as long as lies between two runs; the next run goes on behind them.

    Returns:
        Whether jobs were closed whose batches may have left room.

    Raises:
        StoreUnavailable: Postgres went away.
        TurnLost: another process reconciles.
    """
    found: dict[str, list[str]] = defaultdict(list)
    try:
        _look_at_some(indexer, report, repairs, found)
    finally:
        for kind, what in WHAT.items():
            report.add_named(kind, found[kind], what)
    return bool(found["cancel_unfinished"]) and not report.dry_run


def _look_at_some(indexer: Indexer, report: Report, repairs: Repairs, found: dict[str, list[str]]) -> None:
    deadline = time.monotonic() + indexer.settings.reconcile_seconds
    with indexer.catalog.reading() as tx:
        seen = began = 0 if report.dry_run else reconciliation.jobs_seen(tx)
    more = True
    while more:
        with indexer.catalog.reading() as tx:
            now = engine.now(tx)
            some = jobs.open_jobs(tx, behind=seen, limit=SLICE)
            homes = collections.active_among(tx, {job.collection_id for job in some})
        planners = indexer.in_flight.plans_waiting([job.id for job in some if job.needs_planner])
        for job in some:
            with report.guarded(f"job {job.id}"):
                lacking = _lacking(indexer, repairs, job, now, homes=homes, planners=planners)
                # First, so that what is found and cannot be repaired is reported all the same.
                for kind, _ in lacking:
                    found[kind].append(job.id)
                for _, repair in () if report.dry_run else lacking:
                    repair()
        seen = some[-1].number if len(some) == SLICE else 0
        more = seen > 0 and time.monotonic() < deadline and not indexer.stopping.is_set()
    if not report.dry_run and (seen or began):
        with indexer.catalog.transaction() as tx:
            reconciliation.see_jobs(tx, seen)


def _lacking(
    indexer: Indexer, repairs: Repairs, job: jobs.Job, now: datetime, *, homes: set[int], planners: set[str]
) -> list[tuple[str, Callable[[], None]]]:
    """Return what one job lacks, each by its name and with its repair."""
    found: list[tuple[str, Callable[[], None]]] = []
    is_lapsed = _age(job, now) > timedelta(seconds=indexer.settings.lease_seconds)
    if job.collection_id not in homes and job.state != JobState.CANCELLED:
        found.append(("collection_gone", lambda: repairs.cancel_orphaned(indexer, job.id)))
    if job.needs_planner and job.id not in planners and is_lapsed:
        found.append(("planning_lost", lambda: _ask(indexer, job)))
    if job.state == JobState.CANCELLED:
        found.append(("cancel_unfinished", lambda: repairs.close_cancelled(indexer, job.id)))
    if _is_late(indexer, job, now) and not _waits_its_turn(indexer, job):
        found.append(("stalled", lambda: _mark_stalled(indexer, job)))
    if job.all_settled:
        found.append(("end_unfinished", lambda: repairs.end(indexer, job.id)))
    if _is_unshown(indexer, job):
        found.append(("progress_unpublished", lambda: show(indexer.progress, job)))
    return found


def _ask(indexer: Indexer, job: jobs.Job) -> None:
    indexer.send(TaskName.PLAN, PlanJob(job.id))


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
        show(indexer.progress, job)
