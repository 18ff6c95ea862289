"""Measure operations that must not grow with a job or a collection: each tells what a path, or a call, costs."""

from __future__ import annotations

from typing import Final

from bench.scale.ending import close, end, give_up
from bench.scale.ground import Ground
from bench.scale.planning import plan_new, plan_unchanged
from bench.scale.timing import Operation, Timer, require
from imagesearch.catalog import image_counts, jobs
from imagesearch.catalog.jobs import folding
from imagesearch.contract import Reconcile
from imagesearch_indexer.ingest.prune import prune
from imagesearch_indexer.reconcile.recounts import recount_jobs
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.reconcile.step import Step
from imagesearch_indexer.reconcile.vectors import sweep_slice
from support import seeding

CALLS = 20
"""Of which the fastest counts: others share the machine."""


def counts(ground: Ground, timer: Timer) -> None:
    """Say how many images a collection holds, as `GET /collections`, `/info` and `/count` do."""
    for _ in range(CALLS):
        with timer.timed(), ground.catalog.reading() as tx:
            kept = image_counts.indexed(tx, [ground.collection_id])
        require(kept == {ground.collection_id: ground.size}, "the counts are wrong")


def check_counts(ground: Ground, timer: Timer) -> None:
    """Count one block, as reconciliation does."""
    with timer.timed(min(ground.size, 1 << image_counts.BLOCK_BITS)), ground.catalog.transaction() as tx:
        checked = image_counts.check_next(tx, ground.collection_id, behind=-1)
    require(checked is not None and checked.lacking == 0, "the counts are wrong")


def cancel(ground: Ground, timer: Timer) -> None:
    """Cancel a job of which half is in batches and half in none."""
    for has_batches in (True, False):
        with ground.catalog.transaction() as tx:
            paths, folder = ground.size // 2, str(ground.folder)
            job_id = seeding.seed_job(tx, ground.collection_id, paths, folder, has_batches=has_batches)
            seeding.analyze(tx)
            jobs.cancel(tx, job_id)
        with timer.timed(paths):
            close(ground, job_id)
        with ground.catalog.reading() as tx:
            require(jobs.get(tx, job_id).cancelled == paths, "a path was not cancelled")


def ask_for_retry(ground: Ground, timer: Timer) -> None:
    """Ask for the retry of a job of which every path failed: what the caller waits for."""
    job_id = _failed_job(ground)
    with timer.timed(), ground.catalog.transaction() as tx:
        jobs.reopen(tx, job_id)
    give_up(ground, job_id)


def retry(ground: Ground, timer: Timer) -> None:
    """Make every failed path of a job unplanned again."""
    job_id = _failed_job(ground)
    with timer.timed(ground.size):
        with ground.catalog.transaction() as tx:
            job = jobs.reopen(tx, job_id)
        while job.reopened_up_to is not None:
            with ground.catalog.transaction() as tx:
                job = jobs.reopen_more(tx, job_id)
    require(job.failed == 0, "a failed path was not tried again")
    give_up(ground, job_id)


def prune_small(ground: Ground, timer: Timer) -> None:
    """Look for what is gone from a small folder of a large collection."""
    with ground.catalog.transaction() as tx:
        folder = str(ground.folder / "0000")
        job_id = seeding.seed_job(tx, ground.collection_id, 1, folder, outcome="indexed", prune=True)
        job = jobs.get(tx, job_id)
    for _ in range(CALLS):
        with timer.timed():
            require(prune(ground.indexer, job), "a small folder takes more than one time slice")
    end(ground, job_id)


def prune_large(ground: Ground, timer: Timer) -> None:
    """Look at every image of a folder, all of which the job has seen."""
    with ground.catalog.transaction() as tx:
        folder = str(ground.folder)
        job_id = seeding.seed_job(tx, ground.collection_id, ground.size, folder, outcome="indexed", prune=True)
        seeding.analyze(tx)
    is_done = False
    with timer.timed(ground.size):
        while not is_done:
            with ground.catalog.reading() as tx:
                job = jobs.get(tx, job_id)
            is_done = prune(ground.indexer, job)
    require(job.removed == 0, "what the job has seen was pruned")
    end(ground, job_id)


def fold(ground: Ground, timer: Timer) -> None:
    """Fold the ledger of a job away."""
    with ground.catalog.transaction() as tx:
        job_id = seeding.seed_job(tx, ground.collection_id, ground.size, str(ground.folder), outcome="indexed")
        seeding.analyze(tx)
        after: str | None = ""
    with timer.timed(ground.size):
        while after is not None:
            with ground.catalog.transaction() as tx:
                after = folding.fold_slice(tx, jobs.lock(tx, job_id), after=after, limit=10_000)
        removed = 5_000
        while removed == 5_000:
            with ground.catalog.transaction() as tx:
                removed = folding.remove_batches(tx, job_id, limit=5_000)
    with ground.catalog.reading() as tx:
        require(jobs.get(tx, job_id).folded == {"indexed": ground.size}, "the ledger was not folded")


def recount(ground: Ground, timer: Timer) -> None:
    """Compare the counters of a job with its ledger."""
    with ground.catalog.transaction() as tx:
        folder = str(ground.folder)
        job_id = seeding.seed_job(tx, ground.collection_id, ground.size, folder, outcome="indexed", prune=True)
        seeding.analyze(tx)
    report, step = Report(dry_run=True, renew=lambda: None), Step("")
    place: str | None = None
    with timer.timed(ground.size):
        while step.place is not None:
            step = recount_jobs(ground.indexer, report, place)
            place = step.place
    require(not report.findings(), "the counters are wrong")
    end(ground, job_id)


def reconcile_quiet(ground: Ground, timer: Timer) -> None:
    """Look for what is lost where nothing is."""
    for _ in range(CALLS):
        with timer.timed():
            reconcile(ground.indexer, Reconcile(dry_run=False, deep=False))


def sweep_quiet(ground: Ground, timer: Timer) -> None:
    """Compare rows with vectors where they agree."""
    _sweep(ground, timer)


def sweep_after_loss(ground: Ground, timer: Timer) -> None:
    """Have a store filled again that lost everything: the first jobs of a thousand pictures each."""
    ground.vectors.number = 0
    _sweep(ground, timer)
    ground.vectors.number = ground.size


def _sweep(ground: Ground, timer: Timer) -> None:
    report, place = Report(dry_run=True, renew=lambda: None), None
    with timer.timed(ground.size):
        step = Step("")
        while step.place is not None and not step.waits:
            step = sweep_slice(ground.indexer, report, place)
            place = step.place


def _failed_job(ground: Ground) -> str:
    with ground.catalog.transaction() as tx:
        folder, state = str(ground.folder), "completed_with_failures"
        made = seeding.seed_job(tx, ground.collection_id, ground.size, folder, outcome="failed", state=state)
        seeding.analyze(tx)
    return made


OPERATIONS: Final = (
    Operation("plan a folder of new files", "path", plan_new),
    Operation("plan a folder of unchanged files", "path", plan_unchanged),
    Operation("counts of a collection", "call", counts),
    Operation("check of what is counted", "path", check_counts),
    Operation("cancel", "path", cancel),
    Operation("retry: what the caller waits for", "call", ask_for_retry),
    Operation("retry", "path", retry),
    Operation("prune a small folder", "call", prune_small),
    Operation("prune", "path", prune_large),
    Operation("recount a job", "path", recount),
    Operation("fold a ledger", "path", fold),
    Operation("reconcile, nothing lost", "call", reconcile_quiet),
    Operation("compare rows with vectors", "path", sweep_quiet),
    Operation("compare after the loss of all vectors", "path", sweep_after_loss),
)
"""In this order; each leaves the ground as the next one needs it."""
