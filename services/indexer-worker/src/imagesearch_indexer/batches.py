"""Take the answer to a batch: what it brought, its outcomes and the job's counters in one Postgres transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from imagesearch.catalog import collections, image_queries, jobs
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches, counters, ledger
from imagesearch.catalog.jobs.batches import Batch
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.states import BatchState, CollectionState
from imagesearch.contract import IndexBatch, JobState, Outcome
from imagesearch.errors import InvalidMessage
from imagesearch.failures import FailureCode
from imagesearch.metrics import IMAGES_FAILED, IMAGES_FINISHED
from imagesearch_indexer.composition import HeldBatch, Indexer, NotSettled
from imagesearch_indexer.lifecycle.dispatch import Settled, ask_for_planning, count_and_send_next
from imagesearch_indexer.lifecycle.finish import end_settled
from imagesearch_indexer.lifecycle.progress import show

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Ended:
    """Hold what a batch has come to.

    The counters of the job in `settled` do not know of the batch yet.
    """

    settled: Settled
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    codes: Counter[FailureCode] = field(default_factory=Counter)


def index_batch(indexer: Indexer, message: IndexBatch) -> None:
    """Finish a batch: any number of deliveries leave what one would.

    The job's row is read once. What the batch brought is committed before its job is counted and another is leased
    in its place, so that no batch waits for another one's vectors. Whoever counts last sees every outcome before,
    so that one of them ends the job. What comes after the first commit may be lost: reconciliation makes up for
    all of it.

    Raises:
        InvalidMessage: the message does not speak of every open picture of its batch.
        StoreUnavailable: a store went away; nothing of the batch is counted, and all of it may be repeated.
    """
    with indexer.catalog.transaction() as tx:
        ended = _settle(indexer, tx, message)
    if ended is None:
        log.info("batch.already_done", job=message.job_id, batch=message.batch_id)
        return
    # Counted after the commit: a transaction that is tried again must not count twice.
    for outcome, count in ended.outcomes.items():
        IMAGES_FINISHED.labels(outcome.value).inc(count)
    for code, count in ended.codes.items():
        IMAGES_FAILED.labels(code.value).inc(count)
    job = count_and_send_next(indexer, ended.settled)
    if waits_for_planner(job):
        ask_for_planning(indexer, job.id)
    if job.all_settled and job.finished_at is None:
        end_settled(indexer, job, ended.settled.collection)
    else:
        show(indexer.progress, job)


def waits_for_planner(job: jobs.Job) -> bool:
    """Tell whether a job stands still after a batch unless it is planned on.

    A planner that lists a source needs nobody to ask for it; a build with nothing on its way looks for what it
    still lacks.
    """
    return job.plans_while_running and job.needs_planner and (job.done == job.total or job.error is not None)


def _settle(indexer: Indexer, tx: Transaction, message: IndexBatch) -> _Ended | None:
    """Write everything about a batch; None when it had ended before. The commit is the caller's."""
    batch = batches.lock(tx, message.batch_id)
    if batch is None:
        return None
    if batch.state.has_ended:
        return _left_uncounted(tx, batch)
    job = jobs.get(tx, batch.job_id)
    collection = collections.lock_shared(tx, job.collection_id)
    extraction = indexer.kinds[job.kind].extraction
    waiting: frozenset[int] = frozenset()
    if extraction is None or is_dropped(job, collection):
        settled: Sequence[ItemOutcome] | NotSettled = NotSettled.DROPPED
    else:
        waiting = _open_images(tx, message)
        settled = extraction.settle(indexer, tx, HeldBatch(batch, job, collection, waiting), message)
    if settled is NotSettled.PUT_OFF:
        log.info("batch.put_off", job=job.id, batch=batch.id)
        batches.make_ready(tx, batch.id, crashes=batch.crashes)
        return _Ended(Settled(batch, job, collection))
    if settled is NotSettled.DROPPED:
        outcomes, codes = ledger.cancel_batch(tx, batch.id), Counter[FailureCode]()
        batches.close(tx, batch.id, BatchState.CANCELLED)
    else:
        again = waiting - {item.image_id for item in settled}
        if again:
            # Somebody has decided about these since they were sent. They travel with the version of their row now.
            log.info("batch.read_again", job=job.id, batch=batch.id, images=len(again))
            batches.carry_over(tx, batch, again)
        outcomes = ledger.settle(tx, batch.id, settled)
        codes = Counter(item.code for item in settled if item.code is not None)
        batches.close(tx, batch.id)
    counters.note(tx, job.id, outcomes)
    return _Ended(Settled(batch, job, collection), outcomes, codes)


def _left_uncounted(tx: Transaction, batch: Batch) -> _Ended | None:
    """Return a batch that has ended, where whoever ended it may have died before its job was counted."""
    if not counters.has_noted(tx, batch.job_id):
        return None
    job = jobs.get(tx, batch.job_id)
    return _Ended(Settled(batch, job, collections.by_id(tx, job.collection_id)))


def is_dropped(job: jobs.Job, collection: Collection) -> bool:
    """Tell whether nobody wants what the batches of a job bring any more."""
    return job.state == JobState.CANCELLED or collection.state != CollectionState.ACTIVE


def _open_images(tx: Transaction, message: IndexBatch) -> frozenset[int]:
    """Return the open pictures of a batch; each that still has a row is spoken of in its message."""
    waiting = ledger.open_images(tx, message.batch_id)
    unsaid = left_out(waiting, message)
    # A picture that was deleted before its batch was sent was not in what the extractor was given.
    if unsaid and (known := sorted(image_queries.existing(tx, unsaid))):
        raise InvalidMessage(f"batch {message.batch_id}: nothing is said of images {known[:5]}")
    return frozenset(waiting)


def left_out(waiting: set[int], message: IndexBatch) -> set[int]:
    """Return those of the pictures of which a message says nothing."""
    spoken_of = (message.images, message.unchanged, message.failures)
    return waiting - {image.image_id for group in spoken_of for image in group}
