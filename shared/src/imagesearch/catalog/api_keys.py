"""Keep API keys: their ids, digests of their secrets, and what they allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from imagesearch.access.keys import ApiKey, StoredKey, Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Tenancy
from imagesearch.catalog import audit, locks
from imagesearch.catalog.audit import Action
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import api_keys as table
from imagesearch.errors import Conflict, ConflictCode, KeyRevoked, NotFound

_SHOWN = sa.select(*(column for column in table.c if column.name != "secret_sha256"))


def create(tx: Transaction, token: Token, name: str, scope: Scope, tenancy: Tenancy, *, by: str | None) -> ApiKey:
    """Keep a new key, and note who made it: an id of a key, or None for the command.

    Raises:
        KeyRevoked: by that key nothing is done any more; processes believe in it for some seconds.
    """
    _begin(tx, by)
    tx.execute(
        sa.insert(table).values(
            id=token.id,
            secret_sha256=token.digest,
            name=name,
            scope=scope,
            collections=_list(tenancy.collections),
            partition=tenancy.partition,
            source_roots=_list(tenancy.roots),
            created_by=by,
        )
    )
    audit.note(tx, Action.KEY_MADE, by, {"key": token.id, "name": name, "scope": scope.value})
    return get(tx, token.id)


def find(tx: Transaction, key_id: str) -> StoredKey | None:
    """Return a key, also one that was revoked; None where there is none."""
    row = tx.execute(sa.select(table).where(table.c.id == key_id)).one_or_none()
    return None if row is None else StoredKey(_key(row), row.secret_sha256)


def listing(tx: Transaction, *, after: str, limit: int) -> list[ApiKey]:
    """Return keys by id, those that were revoked included, from behind the id `after`."""
    return [_key(row) for row in tx.execute(_SHOWN.where(table.c.id > after).order_by(table.c.id).limit(limit))]


def get(tx: Transaction, key_id: str) -> ApiKey:
    """Return a key, also one that was revoked.

    Raises:
        NotFound: there is no such key.
    """
    row = tx.execute(_SHOWN.where(table.c.id == key_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no API key {key_id!r}.")
    return _key(row)


def revoke(
    tx: Transaction, key_id: str, *, by: str | None, check: Callable[[ApiKey], None] = lambda _: None
) -> ApiKey:
    """Have a key hold no more; one that was revoked before stays as it is.

    `check` is told of the key when nobody else can change it any more.

    Raises:
        NotFound: there is no such key.
        Conflict: it is the last admin key, which only the command may revoke: nobody else could make another.
        KeyRevoked: by the key `by` nothing is done any more.
    """
    _begin(tx, by)
    key = get(tx, key_id)
    check(key)
    if by is not None and key.scope is Scope.ADMIN and key.revoked_at is None and not _has_other_admin(tx, key_id):
        raise Conflict(
            "This is the last admin key; only the command on the server revokes it.", ConflictCode.LAST_ADMIN_KEY
        )
    revoked = sa.update(table).where(table.c.id == key_id, table.c.revoked_at.is_(None))
    if tx.execute(revoked.values(revoked_at=sa.func.now())).rowcount:
        audit.note(tx, Action.KEY_REVOKED, by, {"key": key_id})
    return get(tx, key_id)


def _begin(tx: Transaction, by: str | None) -> None:
    """Keep others from changing keys until this transaction ends, and check that `by` still may."""
    locks.api_keys(tx)
    if by is not None and get(tx, by).revoked_at is not None:
        raise KeyRevoked(f"The API key {by!r} was revoked.")


def _has_other_admin(tx: Transaction, key_id: str) -> bool:
    others = sa.select(table.c.id).where(
        table.c.scope == Scope.ADMIN, table.c.revoked_at.is_(None), table.c.id != key_id
    )
    return tx.execute(others.limit(1)).first() is not None


def follow_rename(tx: Transaction, before: str, name: str) -> None:
    """Have the keys that are bound to a collection stay bound to it under its new name."""
    tx.execute(
        sa.update(table)
        .where(table.c.collections.contains([before]))
        .values(collections=sa.func.array_replace(table.c.collections, before, name))
    )


def _key(row: sa.Row[Any]) -> ApiKey:
    tenancy = Tenancy(_tuple(row.collections), row.partition, _tuple(row.source_roots))
    return ApiKey(row.id, row.name, row.scope, tenancy, row.created_by, row.created_at, row.revoked_at)


def _list(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _tuple(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)
