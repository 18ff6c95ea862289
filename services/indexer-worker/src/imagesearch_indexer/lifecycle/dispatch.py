"""Dispatch batches of all jobs: no more at once than may be in flight, and each job its share.

A batch that comes back makes room for one, which is given to whichever job has the least on its way, as far as
this process knows: it looks once a second, and not once a batch. So the room neither grows nor shrinks, and nobody
counts or waits. Room that is new, because workers have come or batches were lost, is given out by one process at a
time, which counts what is on its way.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import structlog

from imagesearch import tracing
from imagesearch.catalog import collections, jobs, locks
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, leases, sent_images
from imagesearch.catalog.jobs.batches import Batch
from imagesearch.contract import IndexBatch, PlanJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.load import Load, Sender, Taken, allowed, lease, load_batches
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
class Settled:
    """Hold a batch that has come back, with its job and collection as they were read with it."""

    batch: Batch
    job: jobs.Job
    collection: Collection


def ask_for_planning(indexer: Indexer, job_id: str) -> None:
    """Send a planning message; reconciliation does so again where it gets lost."""
    try:
        indexer.send(TaskName.PLAN, PlanJob(job_id))
    except StoreUnavailable as error:
        log.warning("plan.not_sent", job=job_id, reason=str(error))


def dispatch(indexer: Indexer, *, wait: bool = True) -> None:
    """Send as many batches, of whichever jobs, as there is room for.

    Args:
        indexer: what it works with.
        wait: until nobody else does the same; otherwise leave it to whoever does.
    """
    for _ in range(MAX_ROUNDS):
        with indexer.catalog.transaction() as tx:
            if not locks.dispatch(tx, wait=wait):
                return
            load = _fill_room(indexer, tx)
        _send(indexer, load)
        if not _leaves_room(load):
            return


def dispatch_left(indexer: Indexer) -> None:
    """Send batches, also those that have waited for others which were lost or cancelled."""
    with indexer.catalog.transaction() as tx:
        sent_images.forget_void(tx, limit=MAX_LEFT)
        sent_images.wake_late(tx, limit=MAX_LEFT)
    dispatch(indexer)


def count_and_send_next(indexer: Indexer, settled: Settled) -> jobs.Job:
    """Count a batch that has come back, send what takes its place, and return its job as it is then.

    For after the commit of what the batch brought: whoever counts last sees the outcomes of all, and whoever has
    waited for the batch goes on. A lease is committed before its message leaves. A message that is then lost, or
    never sent because Redis is away, is found by reconciliation once the lease has run out.
    """
    batch = settled.batch
    with indexer.catalog.transaction() as tx:
        # Behind a suspect this waits for whoever looks: the next suspect waits for nothing else.
        is_looking = _is_due(indexer, batch) and locks.dispatch(tx, wait=batch.crashes > 0)
        sent_images.wake(tx, batch)
        load = _fill_room(indexer, tx) if is_looking else _fill_place(indexer, tx, settled, is_free=True)
        job = counters.add_up_if_free(tx, settled.job)
    _send(indexer, load)
    if job is None:
        # Somebody else has the job's row: what was leased has left without waiting for that.
        with indexer.catalog.transaction() as tx:
            job = counters.add_up(tx, settled.job)
    if not is_looking:
        _try_others(indexer, settled, load)
    elif _leaves_room(load):
        dispatch(indexer, wait=False)
    return job


def _try_others(indexer: Indexer, settled: Settled, load: Load) -> None:
    """Send another batch, where the one that was to take the place of one that has come back has to wait."""
    for _ in range(MAX_TRIES - 1):
        if load.leased or not load.waiting:
            return
        with indexer.catalog.transaction() as tx:
            sent_images.wake(tx, settled.batch)
            load = _fill_place(indexer, tx, settled)
        _send(indexer, load)


def _fill_room(indexer: Indexer, tx: Transaction) -> Load:
    """Lease what there is room for; the caller keeps others from doing so."""
    shares = _look(indexer, tx)
    return load_batches(tx, shares, _fill(indexer, tx, shares))


def _fill_place(indexer: Indexer, tx: Transaction, settled: Settled, *, is_free: bool = False) -> Load:
    """Lease what takes the place of a batch, which has just become free or is so already."""
    batch, shares = settled.batch, indexer.dispatching.shares
    if batch.queue is None or shares is None:
        # Whoever gives out all room at this moment gives out this, too, or the next look does.
        return Load((), ())
    if is_free:
        shares.settled(batch.queue, batch.job_id)
    return load_batches(tx, shares, _replace(indexer, tx, shares, settled))


def _leaves_room(load: Load) -> bool:
    """Tell whether there may be more room: what waits has left its own, and one transaction leases no more."""
    return len(load.leased) == AT_ONCE or bool(load.waiting)


def _is_due(indexer: Indexer, settled: Batch) -> bool:
    """Tell whether the last look was long ago, or a suspect has come back."""
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
        number = allowed(tx, sender.job, target, room if shares.is_last else min(room, 1))
        if not number:
            if room:
                shares.exhausted(job.job_id)
            continue
        found = lease(tx, sender, target, number, indexer.settings.lease, with_suspect=True)
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
            number = allowed(tx, sender.job, target, 1)
            found = lease(tx, sender, target, number, indexer.settings.lease) if number else []
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


def _send(indexer: Indexer, load: Load) -> None:
    """Send batches whose lease is committed."""
    for queue in sorted({each.queue for each in load.leased}):
        there = [each for each in load.leased if each.queue == queue]
        batch_ids = [each.batch.id for each in there]
        is_answer = isinstance(there[0].message, IndexBatch)
        task = TaskName.INDEX if is_answer else TaskName.EXTRACT
        in_flight = indexer.in_flight
        task_ids = in_flight.answered(batch_ids) if is_answer else in_flight.queued(queue, batch_ids)
        for each, task_id in zip(there, task_ids, strict=True):
            try:
                with tracing.continuing(each.traceparent):
                    indexer.send(task, each.message, task_id, queue=queue)
            except StoreUnavailable as error:
                log.warning("batch.not_sent", job=each.batch.job_id, batch=each.batch.id, reason=str(error))
    if load.waiting:
        # What they wait for may have come back at the moment at which they began to.
        with indexer.catalog.transaction() as tx:
            sent_images.wake_late(tx, among=load.waiting, limit=len(load.waiting))
