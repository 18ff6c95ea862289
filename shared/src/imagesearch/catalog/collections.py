"""Keep collections: what they are called, which pipeline built them, where their vectors lie."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog import image_counts, locks, names
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.constants import METRIC
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.quotas import counts as quota_counts
from imagesearch.catalog.states import CollectionState
from imagesearch.catalog.tables import collections as table
from imagesearch.errors import Conflict, ConflictCode, NotFound, PipelineMismatch
from imagesearch.networks import VGG16, ModelIdentity, NetworkSpec
from imagesearch.pipeline import Preprocessing, fingerprint

_SELECT = sa.select(*columns_of(table, Collection))
_BY_NAME = _SELECT.where(names.HELD)
"""Made once: every search reads its collection, and making a statement is a third of a short read."""


def get(tx: Transaction, name: str) -> Collection:
    """Return the collection of that name or alias.

    Raises:
        NotFound: there is none.
    """
    row = tx.execute(_BY_NAME, {"wanted": name}).one_or_none()
    if row is None:
        raise NotFound(f"There is no collection {name!r}.")
    return _collection(row)


def get_by_name(tx: Transaction, name: str) -> Collection:
    """Return the collection of that name, where an alias will not do: it may point elsewhere a moment later.

    Raises:
        NotFound: there is none.
        Conflict: it is an alias.
    """
    found = get(tx, name)
    if found.name != name:
        raise Conflict(
            f"{name!r} is an alias of the collection {found.name!r}; name the collection itself.",
            ConflictCode.IS_ALIAS,
        )
    return found


def by_id(tx: Transaction, collection_id: int) -> Collection:
    """Return a collection by id, also one that is deleted."""
    return _collection(tx.execute(_SELECT.where(table.c.id == collection_id)).one())


def lock_shared(tx: Transaction, collection_id: int) -> Collection:
    """Return a collection that `lock_exclusive` cannot have before this transaction ends."""
    locks.collection_shared(tx, collection_id)
    query = _SELECT.where(table.c.id == collection_id).with_for_update(read=True, key_share=True)
    return _collection(tx.execute(query).one())


def lock_exclusive(tx: Transaction, collection_id: int) -> Collection:
    """Wait until nobody holds a collection, and keep everybody off it until this transaction ends."""
    locks.collection_exclusive(tx, collection_id)
    return _collection(tx.execute(_SELECT.where(table.c.id == collection_id).with_for_update()).one())


def all_active(tx: Transaction) -> list[Collection]:
    """Return every collection that is not being deleted, by name."""
    rows = tx.execute(_SELECT.where(table.c.state == CollectionState.ACTIVE).order_by(table.c.name))
    return [_collection(row) for row in rows]


def page(tx: Transaction, *, after: str, limit: int, within: Sequence[str] | None = None) -> list[Collection]:
    """Return collections that are not being deleted in the order of their names, from behind `after`.

    Args:
        tx: the transaction.
        after: a name; the empty one begins at the beginning.
        limit: how many at most.
        within: names the only ones that are asked for.
    """
    query = _SELECT.where(table.c.state == CollectionState.ACTIVE, table.c.name > after)
    if within is not None:
        query = query.where(table.c.name.in_(within))
    return [_collection(row) for row in tx.execute(query.order_by(table.c.name).limit(limit))]


def next_active(tx: Transaction, *, behind: int) -> Collection | None:
    """Return the collection with the next id that is not being deleted; None behind the last."""
    query = (
        _SELECT.where(table.c.state == CollectionState.ACTIVE, table.c.id > behind).order_by(table.c.id).limit(1)
    )
    return next((_collection(row) for row in tx.execute(query)), None)


def active_among(tx: Transaction, collection_ids: Iterable[int]) -> set[int]:
    """Return those of the ids whose collections are not being deleted."""
    query = sa.select(table.c.id).where(
        table.c.id.in_(sorted(collection_ids)), table.c.state == CollectionState.ACTIVE
    )
    return set(tx.execute(query).scalars())


def deleting(tx: Transaction) -> list[int]:
    """Return the ids of collections that are being deleted."""
    query = sa.select(table.c.id).where(table.c.state == CollectionState.DELETING)
    return list(tx.execute(query.order_by(table.c.id)).scalars())


def switching(tx: Transaction) -> list[int]:
    """Return the ids of collections whose rows are still to follow the build that they were switched to."""
    query = sa.select(table.c.id).where(table.c.switched_build.is_not(None))
    return list(tx.execute(query.order_by(table.c.id)).scalars())


def end_switch(tx: Transaction, collection: Collection) -> None:
    """Record that every row has followed the build that a collection was switched to."""
    tx.execute(
        sa.update(table)
        .where(table.c.id == collection.id, table.c.switched_build == collection.switched_build)
        .values(switched_build=None)
    )


def deleted_among(tx: Transaction, collection_ids: Iterable[int]) -> set[int]:
    """Return those of the ids whose collections have been deleted."""
    query = sa.select(table.c.id).where(
        table.c.id.in_(sorted(collection_ids)), table.c.state == CollectionState.DELETED
    )
    return set(tx.execute(query).scalars())


def create(
    tx: Transaction,
    name: str,
    *,
    network: NetworkSpec = VGG16,
    preprocessing: Preprocessing | None = None,
    index_type: str = "AUTOINDEX",
    index_params: dict[str, Any] | None = None,
) -> tuple[Collection, bool]:
    """Create a collection if its name is free; return whatever has the name or alias, and whether it is new."""
    found = names.holder(tx, name)
    if found is None:
        locks.name(tx, name)
        found = names.holder(tx, name)
    if found is not None:
        return by_id(tx, found), False
    made = tx.execute(
        sa.insert(table)
        .values(
            name=name,
            dimension=network.dimension,
            metric=METRIC,
            network=network.name,
            preprocessing=(preprocessing or Preprocessing(side=network.side)).to_dict(),
            index_type=index_type,
            index_params=index_params or {},
            vector_collection=new_vector_collection(),
        )
        .returning(table.c.id)
    )
    return by_id(tx, made.scalar_one()), True


def new_vector_collection() -> str:
    """Return a name for a Milvus collection that was never used before.

    What a lost catalogue left in Milvus must not come back.
    """
    return f"imagesearch_{secrets.token_hex(8)}"


def pin_model(tx: Transaction, collection: Collection, model: str) -> Collection:
    """Make the first network that delivers vectors the collection's own, and return the collection as it is now.

    Its network may be another one: then somebody else's vectors came first.

    Raises:
        PipelineMismatch: an older version of the preprocessing built this collection, or the network is not the
            one that it was created for.
    """
    if collection.model is None:
        _check_network(collection, model)
        tx.execute(
            sa.update(table)
            .where(table.c.id == collection.id, table.c.model.is_(None))
            .values(model=model, fingerprint=fingerprint(model, collection.preprocessing))
        )
        collection = by_id(tx, collection.id)
    if not collection.is_current:
        raise PipelineMismatch(
            f"Collection {collection.name!r} was built with an older version of the preprocessing. Reindex it."
        )
    return collection


def _check_network(collection: Collection, model: str) -> None:
    made = ModelIdentity.parse(model)
    if (made.network, made.dimension) != (collection.network, collection.dimension):
        raise PipelineMismatch(
            f"Collection {collection.name!r} was created for {collection.dimension} numbers of the network "
            f"{collection.network!r}; a worker answered with {short_model(model)}."
        )


def mismatch_reason(collection: Collection, *models: str) -> str:
    """Say why vectors of the networks that workers run cannot meet those of the collection."""
    own = f"was built with the network {short_model(collection.model)}"
    if collection.model is None:
        own = f"is for the network {collection.network}"
    running = ", ".join(map(short_model, sorted(models)))
    return (
        f"Collection {collection.name!r} {own}; the workers run {running}. Start some with the network and "
        "weights of the collection, or use another collection."
    )


def short_model(model: str | None) -> str:
    """Return a network's identity with its digest cut to 12 digits, enough for people to compare."""
    name, _, digest = (model or "none").partition(":")
    return f"{name}:{digest[:12]}" if digest else name


def mark_deleting(
    tx: Transaction, collection: Collection, *, check: Callable[[Collection], None] = lambda _: None
) -> None:
    """Begin a deletion: from this commit on, nobody finds the collection by name or alias.

    `check` is told of it when nobody else can change it any more.
    """
    held = _SELECT.where(table.c.id == collection.id).with_for_update(key_share=True)
    check(_collection(tx.execute(held).one()))
    tx.execute(sa.update(table).where(table.c.id == collection.id).values(state=CollectionState.DELETING))
    names.remove_aliases(tx, collection.id)


def mark_deleted(tx: Transaction, collection: Collection) -> None:
    """End a deletion; the row stays, because the jobs of the collection refer to it.

    The caller has the exclusive lock and has seen that no image is left.
    """
    tx.execute(sa.update(table).where(table.c.id == collection.id).values(state=CollectionState.DELETED))
    image_counts.remove(tx, collection.id)
    quota_counts.remove(tx, collection.id)


def _collection(row: sa.Row[Any]) -> Collection:
    return Collection(**{**row._mapping, "preprocessing": Preprocessing.from_dict(row.preprocessing)})
