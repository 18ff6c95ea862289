"""Recover batches that were lost on their way, and take apart those that kill their workers."""

from __future__ import annotations

from enum import Enum

import structlog

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches, counters, leases, ledger
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.contract import Finding, Outcome
from imagesearch.failures import FailureCode
from imagesearch.metrics import BATCHES_RESENT
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.progress import show

log = structlog.get_logger()

LOOK_LIMIT = 500
SECOND_LOOK_SECONDS = 1.0
"""Between taking a message and claiming its batch a worker needs milliseconds."""


class Remedy(Enum):
    """Say what becomes of a lost batch."""

    AGAIN = "it is sent again"
    HALVES = "it keeps killing its workers, and is divided among two"
    FAILURE = "its one picture keeps killing its workers, and fails"


def recover_batches(indexer: Indexer, *, dry_run: bool) -> tuple[Finding, list[str]]:
    """Take back batches whose lease has run out and which are neither in a queue nor in a worker's hands.

    Returns:
        What was found, and the jobs that may send batches again, or end.

    Raises:
        StoreUnavailable: a store went away.
    """
    with indexer.catalog.transaction() as tx:
        expired = leases.expired(tx, limit=LOOK_LIMIT)
    if not expired or not indexer.claims_hold():
        # Redis was away a moment ago, or takes nothing: a batch that nobody claims may be in somebody's hands, and
        # its worker would be taken for dead.
        return Finding("batch_lost", 0, ""), []
    alive = _alive(indexer, {batch.id for batch in expired})
    lost = [batch for batch in expired if batch.id not in alive]
    if not dry_run:
        with indexer.catalog.transaction() as tx:
            leases.lease_again(tx, sorted(alive), lease=indexer.settings.lease)
        for batch in lost:
            _recover(indexer, batch)
    return Finding("batch_lost", len(lost), "sent again" if lost else ""), sorted({each.job_id for each in lost})


def _alive(indexer: Indexer, wanted: set[int]) -> set[int]:
    """Return those of the batches that wait in a queue or are claimed.

    A batch on its way from one place to the next is in neither for a moment: only one that two looks miss
    is lost.
    """
    alive: set[int] = set()
    for look in range(2):
        if look:
            indexer.stopping.wait(SECOND_LOOK_SECONDS)
        alive |= indexer.in_flight.claimed(wanted) | indexer.in_flight.waiting(wanted)
        alive |= indexer.in_flight.claimed(wanted)
    return alive & wanted


def _recover(indexer: Indexer, seen: batches.Batch) -> None:
    """Take a lost batch back, or apart when it keeps killing its workers."""
    job: jobs.Job | None = None
    with indexer.catalog.transaction() as tx:
        batch = batches.lock(tx, seen.id)
        if batch is None or (batch.state, batch.attempts) != (seen.state, seen.attempts):
            # Its answer has come, or another reconciliation at the same time was faster.
            return
        crashes = batch.crashes + indexer.in_flight.take_crashes([batch.id])[batch.id]
        log.warning("batch.lost", job=batch.job_id, batch=batch.id, attempts=batch.attempts, crashes=crashes)
        BATCHES_RESENT.inc()
        waiting = sorted(ledger.open_images(tx, batch.id))
        poison = indexer.settings.poison_crashes
        match remedy(crashes, len(waiting), poison_crashes=poison):
            case Remedy.AGAIN:
                batches.make_ready(tx, batch.id, crashes=crashes)
            case Remedy.HALVES:
                # The halves are suspects, which go one after another: one more death is enough to halve them
                # again. A picture on its own starts with one, so that bad luck alone never fails it.
                batches.split(tx, batch, waiting, crashes=max(1, poison - 1))
            case Remedy.FAILURE:
                job = _fail(indexer, tx, batch, waiting)
    if job is not None:
        show(indexer.progress, job)


def remedy(crashes: int, open_images: int, *, poison_crashes: int) -> Remedy:
    """Return what becomes of a lost batch by the workers that have died on it and its open pictures.

    A picture on its own has one death more to give: the first may have been its neighbour's, or that of the batch
    from which it was split.
    """
    if open_images > 1:
        return Remedy.HALVES if crashes >= poison_crashes else Remedy.AGAIN
    return Remedy.FAILURE if crashes > poison_crashes else Remedy.AGAIN


def _fail(indexer: Indexer, tx: Transaction, batch: batches.Batch, waiting: list[int]) -> jobs.Job:
    """Fail the one picture of a locked batch that keeps killing its workers, and return the job."""
    reason = f"{indexer.settings.poison_crashes} workers died or gave up while they worked on this picture."
    failed = [ItemOutcome(image_id, Outcome.FAILED, FailureCode.CRASHES_WORKER, reason) for image_id in waiting]
    job = jobs.get(tx, batch.job_id)
    extraction = indexer.kinds[job.kind].extraction
    if extraction is not None:
        extraction.fail(indexer, tx, job, waiting)
    outcomes = ledger.settle(tx, batch.id, failed)
    batches.close(tx, batch.id)
    return counters.count(tx, batch.job_id, outcomes)
