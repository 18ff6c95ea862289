"""Keep the one name space that collections and their aliases share.

A table of its own could enforce it for both, at the price of a second write wherever a job creates its
collection. Instead whoever takes a name locks that name first, so that two who want it stand in line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog import api_keys, locks
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import CollectionState
from imagesearch.catalog.tables import collection_aliases as aliases
from imagesearch.catalog.tables import collections
from imagesearch.errors import Conflict, ConflictCode, NotFound

_WANTED = sa.bindparam("wanted", type_=sa.Text)
HELD = sa.and_(
    collections.c.state == CollectionState.ACTIVE,
    sa.or_(
        collections.c.name == _WANTED,
        collections.c.id == sa.select(aliases.c.collection_id).where(aliases.c.alias == _WANTED).scalar_subquery(),
    ),
)
"""Selects the active collection that has the name or alias `wanted`."""


@dataclass(frozen=True, slots=True)
class Alias:
    """Name a collection once more."""

    alias: str
    collection: str
    created_at: datetime
    collection_id: int


_ALIASES = sa.select(aliases.c.alias, collections.c.name, aliases.c.created_at, collections.c.id).join(
    collections, collections.c.id == aliases.c.collection_id
)


def holder(tx: Transaction, name: str) -> int | None:
    """Return the id of the active collection that has this name or alias; None when it is free."""
    return tx.execute(sa.select(collections.c.id).where(HELD), {"wanted": name}).scalar_one_or_none()


def rename(tx: Transaction, collection_id: int, name: str, *, check: Callable[[], None] = lambda: None) -> None:
    """Give a collection another name; its aliases stay, and so do the API keys that are bound to it.

    `check` is called when nobody else can change the collection any more.

    Raises:
        Conflict: the name is taken.
    """
    locks.name(tx, name)
    if holder(tx, name) is not None:
        raise Conflict(f"There is a collection or alias {name!r} already.", ConflictCode.NAME_TAKEN)
    held = sa.select(collections.c.name).where(collections.c.id == collection_id)
    before = tx.execute(held.with_for_update(key_share=True)).scalar_one()
    check()
    tx.execute(sa.update(collections).where(collections.c.id == collection_id).values(name=name))
    api_keys.follow_rename(tx, before, name)


def find_alias(tx: Transaction, alias: str) -> Alias | None:
    """Return an alias with its collection; None where there is none."""
    row = tx.execute(_ALIASES.where(aliases.c.alias == alias)).one_or_none()
    return None if row is None else Alias(*row)


def put_alias(
    tx: Transaction, alias: str, collection_id: int, *, check: Callable[[Alias | None], None] = lambda _: None
) -> tuple[Alias, bool]:
    """Point an alias at a collection, from this commit on; return it, and whether it is new.

    `check` is told where it leads, when nobody else can change that any more.

    Raises:
        Conflict: a collection has this name.
        NotFound: the collection has been deleted meanwhile.
    """
    locks.name(tx, alias)
    if tx.execute(
        sa.select(collections.c.id).where(
            collections.c.name == alias, collections.c.state == CollectionState.ACTIVE
        )
    ).first():
        raise Conflict(f"{alias!r} is the name of a collection.", ConflictCode.NAME_TAKEN)
    # A deletion waits for this lock, and then removes the alias, too.
    held = sa.select(collections.c.id).where(
        collections.c.id == collection_id, collections.c.state == CollectionState.ACTIVE
    )
    if tx.execute(held.with_for_update(read=True)).first() is None:
        raise NotFound("The collection has been deleted.")
    found = find_alias(tx, alias)
    check(found)
    put = insert(aliases).values(alias=alias, collection_id=collection_id)
    tx.execute(put.on_conflict_do_update(index_elements=["alias"], set_={"collection_id": collection_id}))
    [row] = tx.execute(_ALIASES.where(aliases.c.alias == alias))
    return Alias(*row), found is None


def remove_alias(tx: Transaction, alias: str, *, check: Callable[[Alias], None] = lambda _: None) -> Alias:
    """Remove an alias, and return it; its collection stays.

    `check` is told where it leads, when nobody else can change that any more.

    Raises:
        NotFound: there is no such alias.
    """
    locks.name(tx, alias)
    found = find_alias(tx, alias)
    if found is None:
        raise NotFound(f"There is no alias {alias!r}.")
    check(found)
    tx.execute(sa.delete(aliases).where(aliases.c.alias == alias))
    return found


def remove_aliases(tx: Transaction, collection_id: int) -> None:
    """Remove every alias of a collection."""
    tx.execute(sa.delete(aliases).where(aliases.c.collection_id == collection_id))


def list_aliases(
    tx: Transaction, *, after: str = "", limit: int, within: Sequence[str] | None = None
) -> list[Alias]:
    """Return aliases in the order of their names, from behind `after`; `within` names their collections."""
    query = _ALIASES.where(aliases.c.alias > after).order_by(aliases.c.alias).limit(limit)
    if within is not None:
        query = query.where(collections.c.name.in_(within))
    return [Alias(*row) for row in tx.execute(query)]


def aliases_of(tx: Transaction, collection_id: int) -> list[str]:
    """Return the aliases of a collection, in order."""
    query = sa.select(aliases.c.alias).where(aliases.c.collection_id == collection_id).order_by(aliases.c.alias)
    return list(tx.execute(query).scalars())
