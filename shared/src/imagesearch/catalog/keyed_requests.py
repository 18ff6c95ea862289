"""Know a request again that comes twice under one Idempotency-Key, and what was answered to it.

A key is taken in the transaction that does what was asked: it is kept exactly if that is, and of two requests that
come at once one waits for the other. Jobs keep the keys that they were made under themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.catalog.tables import keyed_requests as table
from imagesearch.errors import Conflict, ConflictCode

KEPT = timedelta(hours=24)
"""A request that comes later under the same key is a new one."""
NOTHING: Mapping[str, Any] = {}
"""What is known of a request that was begun, and not answered yet."""


def take(tx: Transaction, key: IdempotencyKey | None, request_sha256: str) -> Mapping[str, Any] | None:
    """Take a key for a request; return what was answered to it where it came before, and None where it is new.

    Raises:
        Conflict: another request came under the key.
    """
    if key is None:
        return None
    new = {"request_sha256": request_sha256, "answer": sa.null(), "created_at": sa.func.now()}
    taken = (
        insert(table)
        .values(scope=key.scope, key=key.key, **new)
        .on_conflict_do_update(index_elements=["scope", "key"], set_=new, where=_is_over(KEPT))
        .returning(table.c.scope)
    )
    if tx.execute(taken).first() is not None:
        return None
    row = tx.execute(sa.select(table.c.request_sha256, table.c.answer).where(*_named(key))).one()
    if row.request_sha256 != request_sha256:
        raise Conflict("This Idempotency-Key was used for another request.", ConflictCode.IDEMPOTENCY_KEY_USED)
    return NOTHING if row.answer is None else dict(row.answer)


def answered(tx: Transaction, key: IdempotencyKey | None, answer: Mapping[str, Any]) -> None:
    """Note what is answered to the request that has taken a key."""
    if key is not None:
        tx.execute(sa.update(table).where(*_named(key)).values(answer=dict(answer)))


def give_up(tx: Transaction, key: IdempotencyKey | None) -> None:
    """Let another request have the key of one that came to nothing; what has been answered stays."""
    if key is not None:
        tx.execute(sa.delete(table).where(*_named(key), table.c.answer.is_(None)))


def count_old(tx: Transaction, *, most: int) -> int:
    """Return how many requests are kept no longer, up to `most`."""
    some = sa.select(table.c.key).where(_is_over(KEPT)).limit(most)
    return tx.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()


def remove_old(tx: Transaction, *, limit: int) -> int:
    """Remove some requests that are kept no longer, the oldest first; return how many."""
    return tx.execute(removal(limit=limit)).rowcount


def removal(*, limit: int) -> sa.Delete:
    """Return the statement that removes some requests that are kept no longer; the index by time leads to them.

    They are named by where they lie, as an array: the planner may read the whole table to join it with a subquery.
    """
    lies: sa.ColumnClause[Any] = sa.literal_column("ctid")
    old = sa.select(lies).select_from(table).where(_is_over(KEPT)).order_by(table.c.created_at)
    some = old.limit(limit).with_for_update(skip_locked=True)
    return sa.delete(table).where(lies == sa.any_(sa.func.array(some.scalar_subquery())))


def _named(key: IdempotencyKey) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.scope == key.scope, table.c.key == key.key


def _is_over(age: timedelta) -> sa.ColumnElement[bool]:
    return table.c.created_at < sa.func.now() - age
