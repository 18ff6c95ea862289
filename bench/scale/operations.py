"""Measure operations that must not grow with a job or a collection: each tells what a path, or a call, costs."""

from __future__ import annotations

import json
from typing import Final

from bench.scale.asking import CALLS, check_counts, counts, process, process_from_postgres
from bench.scale.batches import release, settle
from bench.scale.duplicates import group
from bench.scale.ground import Ground
from bench.scale.planning import plan_new, plan_unchanged
from bench.scale.timing import Operation, Timer, Unit, require
from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import folding
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import Reconcile
from imagesearch_indexer.ingest.prune import prune
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.reconcile import recounts
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.reconcile.step import Step
from imagesearch_indexer.reconcile.vectors import sweep_slice
from support import seeding

SLICE: Final = 10_000
"""Paths that are folded away in one transaction."""
RETRIES: Final = 5


def cancel(ground: Ground, timer: Timer) -> None:
    """Cancel a job of which some is in batches and some in none."""
    seeding.set_running(ground.catalog, ground.job_id)
    with ground.catalog.transaction() as tx:
        job = jobs.cancel(tx, ground.job_id)
    while job.finished_at is None and timer.goes_on:
        before = job.cancelled
        with timer.timed() as part:
            close_cancelled(ground.indexer, job.id)
        job = ground.job
        part.units = job.cancelled - before
    require(job.cancelled > 0, "no path was cancelled")


def ask_for_retry(ground: Ground, timer: Timer) -> None:
    """Ask for the retry of a job of which many paths failed: what the caller waits for."""
    # The first time its rows are read from the disk, at any size.
    for _ in range(RETRIES):
        seeding.set_ended(ground.catalog, ground.job_id)
        with timer.timed(), ground.catalog.transaction() as tx:
            jobs.reopen(tx, ground.job_id)
        seeding.fail_again(ground.catalog, ground.job_id)


def retry(ground: Ground, timer: Timer) -> None:
    """Make failed paths of a job unplanned again."""
    seeding.set_ended(ground.catalog, ground.job_id)
    job, is_first = ground.job, True
    while (is_first or job.reopened_up_to is not None) and timer.goes_on:
        before = job.failed
        with timer.timed() as part, ground.catalog.transaction() as tx:
            job = jobs.reopen(tx, job.id) if is_first else jobs.reopen_more(tx, job.id)
        part.units, is_first = before - job.failed, False
    require(timer.units > 0, "no path was tried again")


def prune_small(ground: Ground, timer: Timer) -> None:
    """Look for what is gone from a small folder of a large collection."""
    seeding.set_pruning(ground.catalog, ground.job_id, str(ground.folder / "0000"))
    job = ground.job
    for _ in range(CALLS):
        with timer.timed():
            require(prune(ground.indexer, job), "a small folder takes more than one time slice")


def prune_large(ground: Ground, timer: Timer) -> None:
    """Look at images of a folder, all of which the job has seen."""
    seeding.set_pruning(ground.catalog, ground.job_id, str(ground.folder))
    job, is_done, reached = ground.job, False, 0
    while not is_done and timer.goes_on:
        with timer.timed() as part:
            is_done = prune(ground.indexer, job)
        job = ground.job
        part.units, reached = seeding.number_of(job.pruned_up_to) - reached, seeding.number_of(job.pruned_up_to)
    require(job.removed == 0, "what the job has seen was pruned")


def recount(ground: Ground, timer: Timer) -> None:
    """Compare the counters of the job with its ledger."""
    seeding.set_running(ground.catalog, ground.job_id)
    report, step = Report(dry_run=True, renew=lambda: None), Step("")
    place: str | None = None
    while step.place is not None and timer.goes_on:
        with timer.timed(min(recounts.SLICE, ground.size)):
            step = recounts.recount_jobs(ground.indexer, report, place)
        place = step.place
    require(not report.findings(), "the counters are wrong")


def fold(ground: Ground, timer: Timer) -> None:
    """Fold the ledger of the job away."""
    seeding.set_ended(ground.catalog, ground.job_id)
    after: str | None = ""
    while after is not None and timer.goes_on:
        with timer.timed(min(SLICE, ground.size)), ground.catalog.transaction() as tx:
            after = folding.fold_slice(tx, jobs.lock(tx, ground.job_id), after=after, limit=SLICE)
    require(bool(ground.job.folded), "the ledger was not folded")


def reconcile_quiet(ground: Ground, timer: Timer) -> None:
    """Look for what is lost where nothing is."""
    for _ in range(CALLS):
        with timer.timed():
            reconcile(ground.indexer, Reconcile(dry_run=False, deep=False))


def compare(ground: Ground, timer: Timer) -> None:
    """Compare rows with vectors where they agree."""
    _compare(ground, timer, Report(dry_run=True, renew=lambda: None))


def compare_after_loss(ground: Ground, timer: Timer) -> None:
    """Compare rows with a store that has lost everything."""
    ground.vectors.number = 0
    _compare(ground, timer, Report(dry_run=True, renew=lambda: None))


def refill(ground: Ground, timer: Timer) -> None:
    """Have such a store filled again: by as many jobs, of a thousand pictures each, as are open at once."""
    ground.vectors.number = 0
    _compare(ground, timer, Report(dry_run=False, renew=lambda: None))
    with ground.catalog.reading() as tx:
        require(bool(jobs.count_open_by_collection(tx, JobOrigin.REPAIR)), "nothing is filled again")


def _compare(ground: Ground, timer: Timer, report: Report) -> None:
    step, place = Step(""), None
    while step.place is not None and not step.waits and timer.goes_on:
        with timer.timed() as part:
            step = sweep_slice(ground.indexer, report, place)
        # Where a slice ends, as the keys are numbers; behind the last one a turn says that there are no more.
        reached = max(json.loads(step.place)[1].values(), default=ground.size) if step.place else ground.size
        part.units, place = max(0, reached - timer.units), step.place


OPERATIONS: Final = (
    Operation("counts of a collection", Unit.CALL, counts),
    Operation("check of what is counted", Unit.PATH, check_counts),
    Operation("reconcile, nothing lost", Unit.CALL, reconcile_quiet),
    Operation("sweep", Unit.PATH, compare),
    Operation("sweep after the loss of all vectors", Unit.PATH, compare_after_loss),
    Operation("process", Unit.CALL, process),
    Operation("process, forgotten by Redis", Unit.CALL, process_from_postgres),
    Operation("release a batch", Unit.BATCH, release),
    Operation("settle a batch, release the next", Unit.BATCH, settle),
    Operation("reconcile beside a running job", Unit.CALL, reconcile_quiet),
    Operation("recount a job", Unit.PATH, recount),
    Operation("prune a small folder", Unit.CALL, prune_small),
    Operation("prune", Unit.PATH, prune_large),
    Operation("look for duplicates", Unit.PATH, group),
    Operation("plan new files", Unit.PATH, plan_new),
    Operation("plan unchanged files", Unit.PATH, plan_unchanged),
    Operation("retry: what the caller waits for", Unit.CALL, ask_for_retry),
    Operation("retry", Unit.PATH, retry),
    Operation("cancel", Unit.PATH, cancel),
    Operation("fold a ledger", Unit.PATH, fold),
    Operation("reconcile the loss of all vectors", Unit.PATH, refill),
)
"""In this order, as each leaves the job and the collection as it does; those before `WITHOUT_JOB` need no job."""
WITHOUT_JOB: Final = 5
