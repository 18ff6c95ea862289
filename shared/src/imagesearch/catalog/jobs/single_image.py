"""Take one picture as a job of its own, with its only batch on its way from the start.

The caller brings the vector along and hands the batch to the indexer itself. Should that get lost, the lease
runs out, and the batch goes the way of every other lost batch.

A change that waits to be written counts already: the next one begins with it and carries it along. Those that
wait are given the same labels, so the last word is the same in whatever order they are written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from imagesearch.access.tenants import NOBODY, Owner
from imagesearch.catalog import images, jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import batches, counters, leases, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import job_items
from imagesearch.catalog.tables import jobs as job_table
from imagesearch.contract import JobState

LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Hold the newest change of a picture that was accepted and is still to be written."""

    job_id: str
    labels: Labels

    def on(self, image: Image) -> Image:
        """Return an image as it will be."""
        partition, metadata = self.labels.on(image)
        own_key = self.labels.own_key or image.own_key
        return replace(image, partition=partition, metadata=dict(metadata), own_key=own_key)


def accepted(tx: Transaction, collection_id: int, path: str) -> Accepted | None:
    """Return the change of a picture that waits to be written; None where none does.

    Whoever also reads the picture's row reads it after this: a change that is written in between is in the row.
    """
    query = (
        sa.select(job_table.c.id, job_items.c.partition, job_items.c.metadata, job_items.c.own_key)
        .join(job_items, job_items.c.job_id == job_table.c.id)
        .where(*_waiting(collection_id, path))
        .order_by(job_table.c.number.desc())
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return Accepted(row.id, Labels(row.partition, row.metadata, row.own_key)) if row is not None else None


def look_up(tx: Transaction, image_id: int, *, collection_id: int) -> tuple[Image, Accepted | None]:
    """Return an image as its row is, and the change of it that waits to be written.

    Raises:
        NotFound: there is none of that id, or it lies in another collection.
    """
    path = images.get(tx, image_id, collection_id=collection_id).path
    waiting = accepted(tx, collection_id, path)
    return images.get(tx, image_id, collection_id=collection_id), waiting


def begin(tx: Transaction, image: Image, labels: Labels, owner: Owner = NOBODY) -> tuple[str, int]:
    """Write a single-image job under a key; return its id and that of its batch."""
    before = accepted(tx, image.collection_id, image.path)
    if before is not None:
        labels = labels.over(before.labels)
        _update_waiting_labels(tx, image, labels)
    job = jobs.create(
        tx,
        image.collection_id,
        jobs.NewJob(id=str(uuid4()), origin=JobOrigin.SINGLE_IMAGE, directory=None, owner=owner),
    )
    [batch_id] = batches.create(tx, job.id, 1)
    submitted, outcomes = ledger.record(tx, job.id, [Item(image.path, image.id, batch_id, labels=labels)])
    counters.count(tx, job.id, outcomes, submitted=submitted)
    jobs.planned(tx, job.id)
    leases.lease_unsent(tx, batch_id, lease=LEASE)
    return job.id, batch_id


def count_ended(tx: Transaction, age: timedelta, *, most: int) -> int:
    """Return how many single-image jobs ended longer ago than `age`, or `most` where there are more."""
    some = _ended(age).limit(most).subquery()
    return tx.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def remove_ended(tx: Transaction, age: timedelta, *, limit: int) -> int:
    """Remove some single-image jobs that ended longer ago than `age`; return how many.

    Their batches and their ledger go along. One that somebody is retrying at this moment is passed over.
    """
    return tx.execute(removal(age, limit=limit)).rowcount


def removal(age: timedelta, *, limit: int) -> sa.Delete:
    """Return the statement that removes some single-image jobs that ended longer ago than `age`, the oldest first.

    An index leads to them by the time of their end: in the order of their numbers, all that stay would be read.
    They are an array, because the planner may read the whole table to join it with a subquery.
    """
    some = _ended(age).limit(limit).with_for_update(skip_locked=True, of=job_table)
    return sa.delete(job_table).where(job_table.c.id == sa.any_(sa.func.array(some.scalar_subquery())))


def _ended(age: timedelta) -> sa.Select[Any]:
    is_waited_for = sa.exists().where(job_items.c.job_id == job_table.c.id, job_items.c.outcome.is_(None))
    return (
        sa.select(job_table.c.id)
        .where(
            job_table.c.origin == JobOrigin.SINGLE_IMAGE,
            job_table.c.finished_at < sa.func.now() - age,
            # A key that comes again has to find its job.
            job_table.c.idempotency_key.is_(None),
            ~is_waited_for,
        )
        .order_by(job_table.c.finished_at)
    )


def _update_waiting_labels(tx: Transaction, image: Image, labels: Labels) -> None:
    """Give the changes of a picture that wait the labels of the one that follows them.

    One that is being written at this moment keeps its own: the row stays locked until that is done, so the
    following one is written after it.
    """
    tx.execute(
        sa.update(job_items)
        .where(job_items.c.job_id == job_table.c.id, *_waiting(image.collection_id, image.path))
        .values(
            partition=labels.partition,
            metadata=sa.null() if labels.metadata is None else dict(labels.metadata),
            own_key=labels.own_key,
        )
    )


def _waiting(collection_id: int, path: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        job_table.c.finished_at.is_(None),
        job_table.c.origin == JobOrigin.SINGLE_IMAGE,
        job_table.c.collection_id == collection_id,
        job_table.c.state != JobState.CANCELLED,
        job_items.c.path == path,
        job_items.c.outcome.is_(None),
    )
