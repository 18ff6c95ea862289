"""Keep the keys that rows do not name any more, until their vectors are collected.

A young tombstone still leads to its image: a search that reads a moment behind may find the old vector and not yet
the new one. What is deleted from Milvus is only ever a key, which no other vector will have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import BuildState
from imagesearch.catalog.tables import collections, index_builds
from imagesearch.catalog.tables import tombstones as table

YOUNG = timedelta(seconds=15)
"""Milvus' bounded reads are up to 5 s behind (`common.gracefulTime`), and a search takes its time as well."""


@dataclass(frozen=True, slots=True)
class Buried:
    """Hold a key that is not named any more.

    Attributes:
        image_id: whose row named it; None where it was drawn for a row that never did.
        sha256: digest of the bytes that its vector was made of.
    """

    key: int
    image_id: int | None
    sha256: str | None


def bury(tx: Transaction, collection_id: int, buried: Sequence[Buried]) -> None:
    """Have vectors deleted that rows do not name any more, also from a build that may hold them."""
    if not buried:
        return
    live = sa.select(collections.c.vector_collection).where(collections.c.id == collection_id)
    built = sa.select(index_builds.c.vector_collection).where(
        index_builds.c.collection_id == collection_id, index_builds.c.state == BuildState.BUILDING
    )
    bury_in(tx, list(tx.execute(live.union(built)).scalars()), buried)


def bury_in(tx: Transaction, vector_collections: Sequence[str], buried: Sequence[Buried]) -> None:
    """Have vectors deleted from these Milvus collections alone."""
    rows = [
        {"key": one.key, "vector_collection": name, "image_id": one.image_id, "sha256": one.sha256}
        for one in sorted(buried, key=lambda one: one.key)
        for name in sorted(vector_collections)
    ]
    if rows:
        tx.execute(insert(table).on_conflict_do_nothing(), rows)


def buried_among(tx: Transaction, vector_collection: str, keys: Iterable[int]) -> set[int]:
    """Return those of the keys that are to be deleted from a Milvus collection."""
    query = sa.select(table.c.key).where(
        table.c.key == sa.func.any(sa.cast(list(keys), sa.ARRAY(sa.BigInteger))),
        table.c.vector_collection == vector_collection,
    )
    return set(tx.execute(query).scalars())


def same_content(tx: Transaction, vector_collection: str, image_ids: Iterable[int]) -> dict[tuple[int, str], int]:
    """Return the newest buried key in a Milvus collection of each image and digest that it was made of."""
    query = (
        sa.select(table.c.image_id, table.c.sha256, sa.func.max(table.c.key).label("key"))
        .where(
            table.c.image_id == sa.func.any(sa.cast(list(image_ids), sa.ARRAY(sa.BigInteger))),
            table.c.vector_collection == vector_collection,
            table.c.sha256.is_not(None),
        )
        .group_by(table.c.image_id, table.c.sha256)
    )
    return {(row.image_id, row.sha256): row.key for row in tx.execute(query)}


def vector_collections(tx: Transaction) -> list[str]:
    """Return the Milvus collections that have tombstones; those of an open build stay for it to copy."""
    with_tombstones = sa.text(
        # From one name to the next in the index: the table holds many tombstones of few collections.
        "WITH RECURSIVE found AS ((SELECT vector_collection FROM tombstones ORDER BY 1 LIMIT 1) UNION ALL "
        "SELECT (SELECT vector_collection FROM tombstones WHERE vector_collection > found.vector_collection "
        "ORDER BY 1 LIMIT 1) FROM found WHERE found.vector_collection IS NOT NULL) "
        "SELECT vector_collection FROM found WHERE vector_collection IS NOT NULL AND NOT EXISTS (SELECT FROM "
        "index_builds WHERE index_builds.vector_collection = found.vector_collection AND state = :building)"
    )
    return list(tx.execute(with_tombstones, {"building": BuildState.BUILDING.value}).scalars())


def waiting_for(tx: Transaction) -> timedelta:
    """Return for how long the oldest tombstone has waited; those of an open build stay for it to copy."""
    oldest = sa.select(sa.func.clock_timestamp() - sa.func.min(table.c.since))
    ages = [
        tx.execute(oldest.where(table.c.vector_collection == name)).scalar_one() for name in vector_collections(tx)
    ]
    return max((age for age in ages if age is not None), default=timedelta())


def count_up_to(tx: Transaction, limit: int) -> int:
    """Return how many tombstones there are, and look at no more than `limit`."""
    some = sa.select(sa.literal(1)).select_from(table).limit(limit).subquery()
    return tx.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def due(tx: Transaction, vector_collection: str, grace: timedelta, *, limit: int) -> list[int]:
    """Return keys that may be deleted from a Milvus collection, those first that have waited longest."""
    query = (
        sa.select(table.c.key)
        .where(table.c.vector_collection == vector_collection, table.c.since <= sa.func.clock_timestamp() - grace)
        .order_by(table.c.since)
        .limit(limit)
    )
    return list(tx.execute(query).scalars())


def forget(tx: Transaction, vector_collection: str, keys: Iterable[int]) -> None:
    """Remove the tombstones of vectors that are deleted."""
    tx.execute(
        sa.delete(table).where(
            table.c.key == sa.func.any(sa.cast(sorted(keys), sa.ARRAY(sa.BigInteger))),
            table.c.vector_collection == vector_collection,
        )
    )
