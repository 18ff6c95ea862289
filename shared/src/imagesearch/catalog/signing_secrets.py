"""Keep the secrets by which sessions and links to pictures are signed, one at a time and the ones before it."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from imagesearch.catalog import audit, locks
from imagesearch.catalog.audit import Action
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import signing_secrets as table

SECRET_BYTES = 32
ADOPTION = timedelta(minutes=2)
"""A new secret signs nothing before: by then every process has read it, and takes what others sign with it."""
MAX_LIFETIME = timedelta(days=1)
"""Nothing that is signed holds longer."""


def current(tx: Transaction) -> list[bytes]:
    """Return the secrets whose signatures hold, first the one to sign with; empty before the first was made."""
    superseded = sa.func.lead(table.c.signs_from).over(order_by=table.c.signs_from)
    held = sa.select(table.c.secret, table.c.signs_from, superseded.label("superseded")).subquery()
    is_held = sa.or_(held.c.superseded.is_(None), held.c.superseded > sa.func.now() - MAX_LIFETIME)
    signs = held.c.signs_from <= sa.func.now()
    query = sa.select(held.c.secret).where(is_held).order_by(signs.desc(), held.c.signs_from.desc())
    return [bytes(secret) for secret in tx.execute(query).scalars()]


def ensure(tx: Transaction, secret: bytes) -> None:
    """Keep a first secret, unless there is one: of several processes that start, all use the same."""
    locks.signing(tx)
    if tx.execute(sa.select(table.c.id).limit(1)).first() is None:
        tx.execute(sa.insert(table).values(secret=secret, signs_from=sa.func.now()))


def rotate(tx: Transaction, secret: bytes, *, at_once: bool, by: str | None) -> None:
    """Have a new secret sign from soon on.

    Args:
        tx: the transaction.
        secret: random bytes.
        at_once: what the others signed holds no more, as when one of them is no secret any more.
        by: the id of a key, or None for the command.
    """
    locks.signing(tx)
    if at_once:
        tx.execute(sa.delete(table))
    tx.execute(
        sa.insert(table).values(secret=secret, signs_from=sa.func.now() + (timedelta() if at_once else ADOPTION))
    )
    later = sa.select(sa.func.max(table.c.signs_from)).where(table.c.signs_from < sa.func.now() - MAX_LIFETIME)
    tx.execute(sa.delete(table).where(table.c.signs_from < later.scalar_subquery()))
    audit.note(tx, Action.SECRET_ROTATED, by, {"at_once": at_once})
