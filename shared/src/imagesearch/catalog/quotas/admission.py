"""Decide whether more fits into the quotas of a tenant.

What fits is decided where pictures are named: exactly, because those who near a limit stand in line there. What is
asked before, when a request comes or a batch is sent, only spares the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from imagesearch.catalog import locks
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.quotas import counts, limits
from imagesearch.catalog.quotas.counts import Used
from imagesearch.catalog.quotas.limits import Quota
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import jobs
from imagesearch.errors import QuotaExceeded, Resource

NEAR_IMAGES = 10_000
NEAR_BYTES = 10 * 2**30
"""Below this much room writers of a tenant stand in line. More than is being written at one moment: a hundred
writers with the largest batches."""


@dataclass(frozen=True, slots=True)
class Change:
    """Hold in which partition an image counts, None where it does not, and in which it is to, with which size."""

    before: str | None
    after: str
    size_bytes: int


@dataclass
class Room:
    """Hold what is left of the quotas that count the images of a collection."""

    quotas: Sequence[Quota] = ()
    used: dict[int, Used] = field(default_factory=dict)

    def lacking(self, change: Change) -> QuotaExceeded | None:
        """Return which quota an image does not fit into; None where it fits.

        What counts already stays, whatever has become of its size: its owner could not make it smaller otherwise.
        """
        return next(
            (full for quota in self._new_to(change) if (full := self._full(quota, change.size_bytes))), None
        )

    def take(self, change: Change) -> QuotaExceeded | None:
        """Count an image that fits; return which quota it does not fit into otherwise."""
        full = self.lacking(change)
        if full is None:
            for quota in self._new_to(change):
                has = self.used[quota.id]
                self.used[quota.id] = Used(has.images + 1, has.bytes + change.size_bytes)
        return full

    def is_near(self) -> bool:
        """Tell whether a limit is so near that those who write at the same moment could pass it."""
        return any(
            (quota.limits.images is not None and self.used[quota.id].images > quota.limits.images - NEAR_IMAGES)
            or (quota.limits.bytes is not None and self.used[quota.id].bytes > quota.limits.bytes - NEAR_BYTES)
            for quota in self.quotas
        )

    def _new_to(self, change: Change) -> list[Quota]:
        return [
            quota
            for quota in self.quotas
            if quota.holds(change.after) and (change.before is None or not quota.holds(change.before))
        ]

    def _full(self, quota: Quota, size_bytes: int) -> QuotaExceeded | None:
        has = self.used[quota.id]
        if quota.limits.images is not None and has.images >= quota.limits.images:
            return exceeded(quota, Resource.IMAGES, has.images, quota.limits.images)
        if quota.limits.bytes is not None and has.bytes + max(size_bytes, 1) > quota.limits.bytes:
            return exceeded(quota, Resource.BYTES, has.bytes, quota.limits.bytes)
        return None


def exceeded(quota: Quota, resource: Resource, used: int, limit: int) -> QuotaExceeded:
    """Return the refusal of a quota."""
    return QuotaExceeded(resource, used, limit, collection=quota.collection, partition=quota.partition)


def room(tx: Transaction, collection_id: int, partitions: Iterable[str]) -> Room:
    """Return what is left for images of a collection that have one of the partitions."""
    found = limits.of_images(tx, collection_id, partitions)
    return Room(found, counts.used(tx, [quota.id for quota in found])) if found else Room()


def room_to_write(tx: Transaction, collection_id: int, partitions: Iterable[str]) -> Room:
    """Return what is left for images whose rows the caller holds; near a limit nobody else takes of it."""
    found = room(tx, collection_id, partitions)
    if not found.is_near():
        return found
    locks.quotas(tx, [quota.id for quota in found.quotas])
    # What others took who stood in line before.
    return Room(found.quotas, counts.used(tx, [quota.id for quota in found.quotas]))


def require_room(tx: Transaction, collection_id: int, change: Change) -> None:
    """Check that an image fits now.

    Raises:
        QuotaExceeded: it does not.
    """
    full = room(tx, collection_id, [change.after]).lacking(change)
    if full is not None:
        raise full


def require_job(tx: Transaction, collection_id: int, partition: str | None) -> None:
    """Check that a tenant may have one more job at once, and keep others from making one until this is committed.

    Raises:
        QuotaExceeded: as many as its quota allows have not ended.
    """
    found = limits.of_images(tx, collection_id, [partition] if partition else [])
    limited = [(quota, quota.limits.jobs) for quota in found if quota.limits.jobs is not None]
    if not limited:
        return
    locks.quotas(tx, [quota.id for quota, _ in limited])
    for quota, limit in limited:
        has = open_jobs(tx, quota)
        if has >= limit:
            raise exceeded(quota, Resource.JOBS, has, limit)


def open_jobs(tx: Transaction, quota: Quota) -> int:
    """Return how many jobs of a tenant have not ended; those of single pictures do not count."""
    query = sa.select(sa.func.count()).where(
        jobs.c.finished_at.is_(None), jobs.c.origin.in_((JobOrigin.V1, JobOrigin.V2))
    )
    if quota.collection is not None:
        query = query.where(jobs.c.collection_id == quota.collection_id)
    if quota.partition is not None:
        query = query.where(sa.or_(jobs.c.partition == quota.partition, jobs.c.bound_partition == quota.partition))
    return tx.execute(query).scalar_one()
