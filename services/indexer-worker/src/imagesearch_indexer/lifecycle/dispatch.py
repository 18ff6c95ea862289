"""Dispatch batches of all jobs: no more at once than may be in flight, and each job its share.

A batch that comes back makes room for one, which is given to whichever job has the least on its way, as far as
this process knows: it looks once a second, and not once a batch. So the room neither grows nor shrinks, and nobody
counts or waits. Room that is new, because workers have come or batches were lost, is given out by one process at a
time, which counts what is on its way.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from imagesearch.catalog import collections, jobs, locks
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches, leases, sent_images
from imagesearch.catalog.jobs.batches import Batch
from imagesearch.catalog.jobs.sent_images import Claimed
from imagesearch.contract import ExtractBatch, PlanJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.claims import plan_task_id
from imagesearch_indexer.composition import Indexer, Target
from imagesearch_indexer.shares import Limits, Shares

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 1.0
AT_ONCE = 64
"""Batches that one transaction leases."""
MAX_ROUNDS = 16
"""Transactions of one call; what is left then is sent at the next look."""
MAX_TRIES = 4
"""Batches that are tried in place of one that has come back, where they have to wait for others."""
MAX_LEFT = 1_000
"""Batches that are woken, and rows that are removed, at once because nobody else has done so."""
MAX_JOBS = 256
"""Jobs that one look considers; the next look begins behind them."""


@dataclass(frozen=True, slots=True)
class Leased:
    """Hold a batch that may leave once its lease is committed."""

    batch: Batch
    queue: str
    message: ExtractBatch


@dataclass(frozen=True, slots=True)
class Taken:
    """Hold a batch that was leased, and what it is extracted for."""

    batch: Batch
    sender: Sender
    target: Target


@dataclass(frozen=True, slots=True)
class Load:
    """Hold what one transaction has leased, and the batches that wait for others instead."""

    leased: Sequence[Leased]
    waiting: Sequence[int]


@dataclass(frozen=True, slots=True)
class Settled:
    """Hold a batch that has come back, with its job and collection as they were read with it."""

    batch: Batch
    job: jobs.Job
    collection: Collection


@dataclass(frozen=True, slots=True)
class Sender:
    """Hold a job that sends batches, and what they are for; no target where it sends none."""

    job: jobs.Job
    collection: Collection
    target: Target | None


def ask_for_planning(indexer: Indexer, job_id: str) -> None:
    """Send a planning message; reconciliation does so again where it gets lost."""
    try:
        indexer.send(TaskName.PLAN, PlanJob(job_id), plan_task_id(job_id))
    except StoreUnavailable as error:
        log.warning("plan.not_sent", job=job_id, reason=str(error))


def dispatch(indexer: Indexer, *, wait: bool = True) -> bool:
    """Send as many batches, of whichever jobs, as there is room for.

    Args:
        indexer: what it works with.
        wait: until nobody else does the same; otherwise leave it to whoever does.

    Returns:
        Whether this process looked.
    """
    has_looked = False
    for _ in range(MAX_ROUNDS):
        with indexer.catalog.transaction() as tx:
            if not locks.dispatch(tx, wait=wait):
                return has_looked
            shares = _look(indexer, tx)
            load = _load(tx, shares, _fill(indexer, tx, shares))
        has_looked = True
        _send(indexer, load)
        # Those that wait for others have left their room.
        if len(load.leased) < AT_ONCE and not load.waiting:
            break
    return has_looked


def dispatch_left(indexer: Indexer) -> None:
    """Send batches, also those that have waited for others which were lost or cancelled."""
    with indexer.catalog.transaction() as tx:
        sent_images.forget_void(tx, limit=MAX_LEFT)
        sent_images.wake_late(tx, limit=MAX_LEFT)
    dispatch(indexer)


def send_next(indexer: Indexer, settled: Settled) -> None:
    """Send what takes the place of a batch that has come back; for after the commit of what it brought.

    A lease is committed before its message leaves. A message that is then lost, or never sent because Redis is
    away, is found by reconciliation once the lease has run out.
    """
    batch = settled.batch
    if _is_due(indexer, batch):
        with indexer.catalog.transaction() as tx:
            sent_images.wake(tx, batch)
        if dispatch(indexer, wait=batch.crashes > 0):
            return
    shares = indexer.dispatching.shares
    for attempt in range(MAX_TRIES):
        with indexer.catalog.transaction() as tx:
            sent_images.wake(tx, batch)
            if batch.queue is None or shares is None:
                # Whoever gives out all room at this moment gives out this, too, or the next look does.
                return
            if not attempt:
                shares.settled(batch.queue, batch.job_id)
            load = _load(tx, shares, _replace(indexer, tx, shares, settled))
        _send(indexer, load)
        if load.leased or not load.waiting:
            return


def _is_due(indexer: Indexer, settled: Batch) -> bool:
    """Tell whether the last look was long ago, or a suspect has come back: the next one waits for nothing else."""
    known = indexer.dispatching
    is_old = known.shares is None or time.monotonic() - known.looked_at > LOOK_EVERY_SECONDS
    return is_old or settled.crashes > 0


def _look(indexer: Indexer, tx: Transaction) -> Shares:
    """See what is on its way and what is ready; the caller keeps others from giving out room."""
    settings, known = indexer.settings, indexer.dispatching
    threads: Counter[str] = Counter()
    try:
        for worker in indexer.workers():
            threads.update(dict.fromkeys(worker.queues, worker.concurrency))
    except StoreUnavailable as error:
        log.warning("workers.not_seen", reason=str(error))
    limits = Limits(settings.window, threads, settings.batches_per_thread, settings.max_in_flight)
    ready = leases.waiting_jobs(tx, after=known.last_number, limit=MAX_JOBS)
    known.last_number = ready[-1].number if len(ready) == MAX_JOBS else 0
    if known.shares is not None:
        # Otherwise the oldest jobs came first at every look, and those behind them never where room is short.
        ready = known.shares.in_turn(ready)
    known.shares, known.looked_at = Shares(limits, leases.on_their_way(tx), ready), time.monotonic()
    return known.shares


def _fill(indexer: Indexer, tx: Transaction, shares: Shares) -> list[Taken]:
    """Lease batches until there is no room, or no batch that may go, or they are enough for one transaction."""
    senders: dict[str, Sender] = {}
    taken: list[Taken] = []
    while len(taken) < AT_ONCE and (job := shares.next()) is not None:
        sender = senders.get(job.job_id) or _sender(indexer, tx, job.job_id)
        senders[job.job_id] = sender
        target = sender.target
        if target is None:
            shares.exhausted(job.job_id)
            continue
        shares.sends_to(job.job_id, target.queue)
        room = min(shares.room(target.queue), AT_ONCE - len(taken))
        number = _allowed(tx, sender.job, target, room if shares.is_last else min(room, 1))
        if not number:
            if room:
                shares.exhausted(job.job_id)
            continue
        found = _lease(indexer, tx, sender, target, number, with_suspect=True)
        shares.sent(job, target.queue, len(found))
        if len(found) < number:
            shares.exhausted(job.job_id)
        taken += found
    return taken


def _replace(indexer: Indexer, tx: Transaction, shares: Shares, settled: Settled) -> list[Taken]:
    """Lease one batch; suspects are left to `_fill`, which nobody does meanwhile."""
    job, collection = settled.job, settled.collection
    while (next_job := shares.next()) is not None:
        is_same = next_job.job_id == job.id
        sender = sender_of(indexer, tx, job, collection) if is_same else _sender(indexer, tx, next_job.job_id)
        target = sender.target
        if target is not None:
            shares.sends_to(next_job.job_id, target.queue)
            if not shares.room(target.queue):
                continue
            number = _allowed(tx, sender.job, target, 1)
            found = _lease(indexer, tx, sender, target, number) if number else []
            if found:
                shares.sent(next_job, target.queue, 1)
                return found
        shares.exhausted(next_job.job_id)
    return []


def _sender(indexer: Indexer, tx: Transaction, job_id: str) -> Sender:
    job = jobs.get(tx, job_id)
    return sender_of(indexer, tx, job, collections.by_id(tx, job.collection_id))


def sender_of(indexer: Indexer, tx: Transaction, job: jobs.Job, collection: Collection) -> Sender:
    """Say what the batches of a job are for now."""
    extraction = indexer.kinds[job.kind].extraction
    if extraction is None or not job.state.is_working:
        return Sender(job, collection, None)
    return Sender(job, collection, extraction.target(indexer, tx, job, collection))


def _allowed(tx: Transaction, job: jobs.Job, target: Target, number: int) -> int:
    """Return how many of so many batches a job may send, where others need the room."""
    limit = target.in_flight_limit
    if limit is None or not number:
        return number
    return min(number, limit - leases.are_on_their_way(tx, job.id, limit=limit)) if limit else 0


def _lease(
    indexer: Indexer, tx: Transaction, sender: Sender, target: Target, number: int, *, with_suspect: bool = False
) -> list[Taken]:
    """Lease so many batches of a job."""
    job, lease = sender.job, indexer.settings.lease
    found = leases.lease_suspect(tx, job.id, queue=target.queue, lease=lease) if with_suspect else []
    if number > len(found):
        found += leases.lease_ready(tx, job.id, number=number - len(found), queue=target.queue, lease=lease)
    return [Taken(batch, sender, target) for batch in found]


def _load(tx: Transaction, shares: Shares, taken: Sequence[Taken]) -> Load:
    """Say what extractors are to do; what is on their way already for another job waits for that."""
    items = {each.batch.id: batches.extract_items(tx, each.batch.id, anew=each.target.anew) for each in taken}
    # A build reads each picture once, and for itself.
    shared = [
        (each.batch, [item.image_id for item in items[each.batch.id]]) for each in taken if not each.target.anew
    ]
    claimed = sent_images.claim(tx, shared) if shared else Claimed({}, ())
    leased: list[Leased] = []
    for each in taken:
        batch, target = each.batch, each.target
        if not target.anew and batch.id not in claimed.going:
            shares.settled(target.queue, batch.job_id)
            continue
        going = items[batch.id]
        if not target.anew:
            going = tuple(item for item in going if item.image_id in claimed.going[batch.id])
        message = ExtractBatch(
            job_id=batch.job_id,
            batch_id=batch.id,
            model=target.model,
            preprocessing=target.preprocessing.to_dict(),
            items=going,
            generation=each.sender.collection.generation,
            bound_roots=each.sender.job.tenancy.roots,
        )
        leased.append(Leased(batch, target.queue, message))
    return Load(leased, claimed.waiting)


def _send(indexer: Indexer, load: Load) -> None:
    """Send batches whose lease is committed."""
    for queue in sorted({each.queue for each in load.leased}):
        there = [each for each in load.leased if each.queue == queue]
        task_ids = indexer.in_flight.queued(queue, [each.batch.id for each in there])
        for each, task_id in zip(there, task_ids, strict=True):
            try:
                indexer.send(TaskName.EXTRACT, each.message, task_id, queue=queue)
            except StoreUnavailable as error:
                log.warning("batch.not_sent", job=each.batch.job_id, batch=each.batch.id, reason=str(error))
    if load.waiting:
        # What they wait for may have come back at the moment at which they began to.
        with indexer.catalog.transaction() as tx:
            sent_images.wake_late(tx, among=load.waiting, limit=len(load.waiting))
