"""Lease batches of a job, and say what extractors are to do with them and which of them have to wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from imagesearch.catalog import jobs
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches, leases, sent_images
from imagesearch.catalog.jobs.batches import Batch
from imagesearch.catalog.jobs.sent_images import Claimed
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.quotas.admission import Change
from imagesearch.contract import ExtractBatch, ExtractItem, FailedImage, IndexBatch, Queue
from imagesearch.errors import QuotaExceeded
from imagesearch.failures import FailureCode
from imagesearch_indexer.shares import Shares
from imagesearch_indexer.target import Target


@dataclass(frozen=True, slots=True)
class Sender:
    """Hold a job that sends batches, and what they are for; no target where it sends none."""

    job: jobs.Job
    collection: Collection
    target: Target | None


@dataclass(frozen=True, slots=True)
class Taken:
    """Hold a batch that was leased, and what it is extracted for."""

    batch: Batch
    sender: Sender
    target: Target


@dataclass(frozen=True, slots=True)
class Leased:
    """Hold a batch that may leave once its lease is committed: to an extractor, or answered, to an indexer."""

    batch: Batch
    queue: str
    message: ExtractBatch | IndexBatch
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Load:
    """Hold what one transaction has leased, and the batches that wait for others instead."""

    leased: Sequence[Leased]
    waiting: Sequence[int]


def allowed(tx: Transaction, job: jobs.Job, target: Target, number: int) -> int:
    """Return how many of so many batches a job may send, where others need the room."""
    limit = target.in_flight_limit
    if limit is None or not number:
        return number
    return min(number, limit - leases.are_on_their_way(tx, job.id, limit=limit)) if limit else 0


def lease(
    tx: Transaction,
    sender: Sender,
    target: Target,
    number: int,
    lasts: timedelta,
    *,
    with_suspect: bool = False,
) -> list[Taken]:
    """Lease so many batches of a job, as far as there are."""
    job_id, queue = sender.job.id, target.queue
    found = leases.lease_suspect(tx, job_id, queue=queue, lease=lasts) if with_suspect else []
    if number > len(found):
        found += leases.lease_ready(tx, job_id, number=number - len(found), queue=queue, lease=lasts)
    return [Taken(batch, sender, target) for batch in found]


def load_batches(tx: Transaction, shares: Shares, taken: Sequence[Taken]) -> Load:
    """Say what extractors are to do; what is on its way already for another job waits for that.

    Args:
        tx: the transaction that has leased the batches, of which this is the only call.
        shares: hears of those that wait and have left their room.
        taken: the batches.
    """
    items = {each.batch.id: batches.extract_items(tx, each.batch.id, anew=each.target.anew) for each in taken}
    # A build reads each picture once, and for itself.
    shared = [
        (each.batch, [item.image_id for item in items[each.batch.id]]) for each in taken if not each.target.anew
    ]
    claimed = sent_images.claim(tx, shared) if shared else Claimed({}, ())
    senders = {each.batch.job_id: each.sender for each in taken}
    full = {job_id: _full(tx, sender) for job_id, sender in senders.items()}
    leased: list[Leased] = []
    for each in taken:
        batch, target = each.batch, each.target
        if not target.anew and batch.id not in claimed.going:
            shares.settled(target.queue, batch.job_id)
            continue
        going = items[batch.id]
        if not target.anew:
            going = tuple(item for item in going if item.image_id in claimed.going[batch.id])
        refusal = full[batch.job_id]
        if refusal is not None and all(item.known_sha256 is None for item in going):
            answer = _refused(each, going, refusal)
            leased.append(Leased(batch, Queue.INDEX.value, answer, each.sender.job.traceparent))
            continue
        message = ExtractBatch(
            job_id=batch.job_id,
            batch_id=batch.id,
            model=target.model,
            preprocessing=target.preprocessing.to_dict(),
            items=going,
            generation=each.sender.collection.generation,
            bound_roots=each.sender.job.tenancy.roots,
            facts=each.sender.job.wishes.facts,
        )
        leased.append(Leased(batch, target.queue, message, each.sender.job.traceparent))
    return Load(leased, claimed.waiting)


def _full(tx: Transaction, sender: Sender) -> QuotaExceeded | None:
    """Return the quota into which no new picture of a job fits now; None where there is none."""
    job = sender.job
    if not job.adds_pictures:
        return None
    smallest = Change(None, job.partition or "", 1)
    return admission.room(tx, job.collection_id, [smallest.after]).lacking(smallest)


def _refused(taken: Taken, items: Sequence[ExtractItem], refusal: QuotaExceeded) -> IndexBatch:
    """Return the answer to a batch of new pictures that need not be read: there is no room for them."""
    code, reason = FailureCode.QUOTA_EXCEEDED, str(refusal)
    return IndexBatch(
        job_id=taken.batch.job_id,
        batch_id=taken.batch.id,
        model=taken.target.model or "",
        images=(),
        vectors=b"",
        unchanged=(),
        failures=tuple(FailedImage(item.image_id, code, reason, item.expected_version) for item in items),
        generation=taken.sender.collection.generation,
    )
