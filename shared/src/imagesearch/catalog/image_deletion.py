"""Remove the rows of a collection that is being deleted."""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import images as table


def remove_slice(tx: Transaction, collection_id: int, *, limit: int) -> int:
    """Remove some rows of a collection that is being deleted; return how many."""
    # In no order: the caller keeps everybody else off the collection, and no index has all of its rows by id.
    some = sa.select(table.c.id).where(table.c.collection_id == collection_id).limit(limit)
    return tx.execute(sa.delete(table).where(table.c.id.in_(some.scalar_subquery()))).rowcount
