"""Keep the names of Milvus collections that nobody uses any more, until and after they are dropped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import retired_vectors as table


def retire(tx: Transaction, vector_collection: str, *, keep_for: timedelta = timedelta(0)) -> None:
    """Have vectors dropped, some time after this transaction is seen to be committed."""
    tx.execute(
        insert(table).values(vector_collection=vector_collection, keep_for=keep_for).on_conflict_do_nothing()
    )


def due(tx: Transaction) -> list[str]:
    """Return the names of vectors that are to be dropped now; the time of each begins when this first sees it."""
    now = sa.func.clock_timestamp()
    tx.execute(
        sa.update(table)
        .where(table.c.dropped_at.is_(None), table.c.drop_after.is_(None))
        .values(drop_after=now + table.c.keep_for)
    )
    query = sa.select(table.c.vector_collection).where(table.c.dropped_at.is_(None), table.c.drop_after <= now)
    return list(tx.execute(query.order_by(table.c.drop_after)).scalars())


def count_due(tx: Transaction) -> int:
    """Return how many are to be dropped now."""
    due_now = sa.func.coalesce(table.c.drop_after, sa.func.clock_timestamp() + table.c.keep_for)
    query = sa.select(sa.func.count()).where(table.c.dropped_at.is_(None), due_now <= sa.func.clock_timestamp())
    return tx.execute(query).scalar_one()


def dropped(tx: Transaction, vector_collection: str) -> None:
    """Record that vectors were dropped; the name stays known."""
    tx.execute(
        sa.update(table)
        .where(table.c.vector_collection == vector_collection)
        .values(dropped_at=sa.func.clock_timestamp())
    )


def dropped_among(tx: Transaction, vector_collections: Iterable[str]) -> list[str]:
    """Return those of the names that were dropped before: whoever made them again was late."""
    query = sa.select(table.c.vector_collection).where(
        table.c.vector_collection.in_(list(vector_collections)), table.c.dropped_at.is_not(None)
    )
    return sorted(tx.execute(query).scalars())
