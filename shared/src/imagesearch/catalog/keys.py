"""Draw the keys of vectors, and tell when nobody can name an older one any more.

A key names one vector for ever. The transaction that draws a key holds a row's lock before it draws, so it has a
transaction id by then, and it alone can name the key. A build that draws one for an exception records it in that
transaction, and nobody sweeps a collection whose exceptions are not all applied.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction

RANDOM_BITS = 20
"""The last bits of a key are drawn by lot. After a crash, a failover or a restore the sequence may go back to what
it has given out already: then one key in a million, and not each, would name two vectors."""

NEW_VERSION = f"nextval('vector_keys') << {RANDOM_BITS}"
"""The expression for a number that is no key, and that no row has had before."""


@dataclass(frozen=True, slots=True)
class Fence:
    """Stand between keys that are drawn already and those that will be.

    Attributes:
        key: the largest key that can have been drawn.
        xid: whoever has drawn one up to that has a smaller transaction id.
    """

    key: int
    xid: int


def draw(tx: Transaction, number: int) -> list[int]:
    """Return new keys in ascending order; the caller holds the locks of the rows that are to name them."""
    if not number:
        return []
    query = sa.text(
        "SELECT (nextval('vector_keys') << :bits) | floor(random() * (1 << :bits))::bigint "
        "FROM generate_series(1, :number)"
    )
    return sorted(tx.execute(query, {"bits": RANDOM_BITS, "number": number}).scalars())


def version() -> sa.ColumnElement[int]:
    """Return the expression for a number that is no key, and that no row has had before."""
    return sa.literal_column(NEW_VERSION, sa.BigInteger)


def fence(tx: Transaction) -> Fence:
    """Return the fence behind every key that has been drawn so far."""
    last = tx.execute(sa.text("SELECT last_value FROM vector_keys")).scalar_one()
    # Read after the sequence: whoever has drawn a key before had its transaction id before this one was given.
    xid = tx.execute(sa.text("SELECT pg_current_xact_id()::text::bigint")).scalar_one()
    return Fence(((last + 1) << RANDOM_BITS) - 1, xid)


def is_past(tx: Transaction, xid: int) -> bool:
    """Tell whether every transaction with a smaller id than a fence's has ended, and so has the fence's own.

    An id that this server has not given out yet is that of another one, from which the catalogue was restored:
    none of its transactions goes on.
    """
    query = sa.text(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > :xid "
        "OR pg_current_xact_id()::text::bigint < :xid"
    )
    return bool(tx.execute(query, {"xid": xid}).scalar_one())
