"""Keep what tenants may have: how many pictures, how many bytes, and how many jobs at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.access.tenants import Tenancy
from imagesearch.catalog import audit, reconciliation
from imagesearch.catalog.audit import Action
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.quota_tables import EVERY_COLLECTION, EVERY_PARTITION
from imagesearch.catalog.states import CollectionState
from imagesearch.catalog.tables import collections, quota_counts
from imagesearch.catalog.tables import quotas as table
from imagesearch.errors import NotFound
from imagesearch.metadata import check_partition, check_storable

COUNTING = "new_quotas"
"""The part of reconciliation that counts what was there before a quota."""
MAX_LIMIT = 2**62


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold how much a tenant may have; None is no limit.

    Attributes:
        images: pictures that are indexed.
        bytes: of their files.
        jobs: that have not ended.
    """

    images: int | None = None
    bytes: int | None = None
    jobs: int | None = None

    def check(self) -> None:
        """Check that these can be kept.

        Raises:
            ValueError: they cannot; the message names the field.
        """
        given = {"images": self.images, "bytes": self.bytes, "jobs": self.jobs}
        if all(limit is None for limit in given.values()):
            raise ValueError("images, bytes, jobs: at least one limit is expected")
        for name, limit in given.items():
            if limit is not None and not 0 <= limit <= MAX_LIMIT:
                raise ValueError(f"{name}: 0 to {MAX_LIMIT} is expected")


@dataclass(frozen=True, slots=True)
class Quota:
    """Say what a tenant may have: the images of a collection, of a partition, or of a partition of a collection.

    Attributes:
        collection: its name; None is every collection.
        partition: None is every partition.
        counted_at: when all that was there before had been counted; until then less is known than there is.
    """

    id: int
    collection_id: int
    collection: str | None
    partition: str | None
    limits: Limits
    created_at: datetime
    counted_at: datetime | None

    def holds(self, partition: str) -> bool:
        """Tell whether images of a partition count, where their collection does."""
        return self.partition in (None, partition)

    @property
    def tenant(self) -> str:
        """Return whose quota it is, in words."""
        parts = [
            f"{word} {name!r}"
            for word, name in (("partition", self.partition), ("collection", self.collection))
            if name is not None
        ]
        return " of ".join(parts)


def put(
    tx: Transaction, collection_id: int | None, partition: str | None, limits: Limits, *, by: str | None
) -> Quota:
    """Set the quota of a tenant, and have counted what that has already.

    Args:
        tx: the transaction.
        collection_id: whose images count; None: those of every collection.
        partition: the only one whose images count; None: all do.
        limits: what the tenant may have.
        by: the id of the key that sets it; None for the command.

    Raises:
        ValueError: the limits or the partition cannot be kept, or nobody is named; the message says what.
    """
    limits.check()
    if partition is not None:
        if not partition:
            raise ValueError("partition: images without a partition are no tenant's")
        check_partition(partition)
        check_storable(partition)
    if collection_id is None and partition is None:
        raise ValueError("collection, partition: at least one is expected")
    values = {"max_images": limits.images, "max_bytes": limits.bytes, "max_jobs": limits.jobs}
    where = {
        "collection_id": EVERY_COLLECTION if collection_id is None else collection_id,
        "partition": partition or EVERY_PARTITION,
    }
    made = insert(table).values(**where, **values)
    made = made.on_conflict_do_update(index_elements=["partition", "collection_id"], set_=values)
    [quota] = _read(tx, table.c.id == tx.execute(made.returning(table.c.id)).scalar_one())
    if quota.counted_at is None:
        reconciliation.begin(tx, (COUNTING,))
    audit.note(
        tx, Action.QUOTA_SET, by, {"tenant": quota.tenant, **{k: v for k, v in values.items() if v is not None}}
    )
    return quota


def remove(tx: Transaction, quota_id: int, *, by: str | None) -> Quota:
    """Let a tenant have what it likes.

    Raises:
        NotFound: there is no such quota.
    """
    found = _read(tx, table.c.id == quota_id)
    if not found:
        raise NotFound(f"There is no quota {quota_id}.")
    tx.execute(sa.delete(table).where(table.c.id == quota_id))
    tx.execute(sa.delete(quota_counts).where(quota_counts.c.quota_id == quota_id))
    audit.note(tx, Action.QUOTA_REMOVED, by, {"tenant": found[0].tenant})
    return found[0]


def listing(tx: Transaction, tenancy: Tenancy, *, after: int = 0, limit: int) -> list[Quota]:
    """Return the quotas that a key may see, by id, from behind the id `after`: see `Tenancy.reaches_all_of`."""
    conditions: list[sa.ColumnElement[bool]] = [table.c.id > after]
    if tenancy.partition is not None:
        conditions.append(table.c.partition == tenancy.partition)
    if tenancy.collections is not None:
        # One of a partition of every collection is left out, too.
        conditions.append(collections.c.name.in_(tenancy.collections))
    return _read(tx, *conditions, limit=limit)


def of_images(tx: Transaction, collection_id: int, partitions: Iterable[str]) -> list[Quota]:
    """Return the quotas that count images of a collection which have one of the partitions, by id."""
    wanted = sorted({EVERY_PARTITION, *partitions})
    return _read(
        tx,
        table.c.partition == sa.func.any(sa.cast(wanted, sa.ARRAY(sa.Text))),
        table.c.collection_id.in_((EVERY_COLLECTION, collection_id)),
    )


def _read(tx: Transaction, *conditions: sa.ColumnElement[bool], limit: int | None = None) -> list[Quota]:
    query = (
        sa.select(table, collections.c.name.label("collection"))
        .outerjoin(collections, collections.c.id == table.c.collection_id)
        .where(*conditions, sa.or_(collections.c.id.is_(None), collections.c.state == CollectionState.ACTIVE))
        .order_by(table.c.id)
        .limit(limit)
    )
    return [_quota(row) for row in tx.execute(query)]


def _quota(row: sa.Row[Any]) -> Quota:
    return Quota(
        id=row.id,
        collection_id=row.collection_id,
        collection=row.collection,
        partition=row.partition or None,
        limits=Limits(row.max_images, row.max_bytes, row.max_jobs),
        created_at=row.created_at,
        counted_at=row.counted_at,
    )
