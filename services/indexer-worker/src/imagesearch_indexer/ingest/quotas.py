"""Keep what a job indexes within the quotas of its tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import Job
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.quotas.admission import Change, Room
from imagesearch.failures import FailureCode
from imagesearch_indexer.ingest.answer import Answer, OpenImage


def keep_within_quotas(
    tx: Transaction, collection: Collection, answer: Answer, there: Mapping[int, OpenImage]
) -> None:
    """Refuse what an answer would have a tenant have beyond its quotas; the caller holds the rows.

    A picture that is refused keeps the vector and the labels that it had.
    """
    sizes = {image_id: there[image_id].row.size_bytes or 0 for image_id in answer.relabelled}
    sizes |= {one.image_id: one.facts.size_bytes for one in answer.written}
    changes = {one: growth(there[one].row, there[one].labels, size) for one, size in sizes.items()}
    if not changes:
        return
    room = admission.room_to_write(tx, collection.id, {each.after for each in changes.values()})
    full = {image_id: refusal for image_id in sorted(changes) if (refusal := room.take(changes[image_id]))}
    answer.refuse(
        {image_id: (FailureCode.QUOTA_EXCEEDED, str(refusal)) for image_id, refusal in full.items()}, there
    )


def room_to_plan(tx: Transaction, job: Job, rows: Iterable[Image], labels: Iterable[Labels]) -> Room:
    """Return what is left now for pictures that a job is about to plan.

    Args:
        tx: the transaction.
        job: the job; one that only restores what its tenant has takes no room.
        rows: the pictures as they are.
        labels: what pictures are given.
    """
    if not job.adds_pictures:
        return Room()
    given = {each.partition for each in labels if each.partition is not None}
    return admission.room(tx, job.collection_id, given | {row.partition for row in rows})


def growth(row: Image, labels: Labels, size_bytes: int) -> Change:
    """Return what an image counts for, and what it is to count for with its labels and a file of that size."""
    after, _ = labels.on(row)
    return Change(row.partition if row.vector_key is not None else None, after, size_bytes)
