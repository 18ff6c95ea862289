"""Keep the keys by which callers know their images: each is one image's in its partition of a collection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.tables import images as table
from imagesearch.errors import StoreUnavailable

_COLUMNS = columns_of(table, Image)


@dataclass(frozen=True, slots=True)
class Given:
    """Say which key an image, whose row is locked, is to have in which partition."""

    image_id: int
    partition: str
    own_key: str


_TAKEN = sa.text(
    "SELECT given.id FROM unnest(CAST(:ids AS bigint[]), CAST(:partitions AS text[]), CAST(:keys AS text[])) "
    "AS given (id, partition, own_key) JOIN images AS other ON other.collection_id = :collection_id "
    "AND other.own_key = given.own_key AND other.partition = given.partition AND other.id <> given.id"
)
_GIVE = sa.text(
    "UPDATE images SET own_key = given.own_key, partition = given.partition "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:partitions AS text[]), CAST(:keys AS text[])) "
    "AS given (id, partition, own_key) WHERE images.id = given.id"
)
"""Key and partition in one statement: each alone could meet somebody else's for a moment."""


def give(tx: Transaction, collection_id: int, wanted: Sequence[Given]) -> set[int]:
    """Give images their keys, and return those whose key another image has: they keep what they have.

    Where several of them are to have the same one, the first by id gets it.

    Raises:
        StoreUnavailable: somebody else gave one of the keys in the same moment; it may be tried again.
    """
    if not wanted:
        return set()
    first: dict[tuple[str, str], int] = {}
    for one in sorted(wanted, key=lambda given: given.image_id):
        first.setdefault((one.partition, one.own_key), one.image_id)
    taken = {one.image_id for one in wanted if first[one.partition, one.own_key] != one.image_id}
    taken |= set(tx.execute(_TAKEN, {"collection_id": collection_id, **_arrays(wanted)}).scalars())
    free = [one for one in wanted if one.image_id not in taken]
    try:
        tx.execute(_GIVE, _arrays(free))
    except IntegrityError as error:
        raise StoreUnavailable("postgres", "the same key was given twice in the same moment") from error
    return taken


def _arrays(wanted: Iterable[Given]) -> dict[str, list[int] | list[str]]:
    # In one order, so that two who give the same keys wait for each other and never deadlock.
    ordered = sorted(wanted, key=lambda given: (given.own_key, given.partition))
    return {
        "ids": [one.image_id for one in ordered],
        "partitions": [one.partition for one in ordered],
        "keys": [one.own_key for one in ordered],
    }


def holders(
    tx: Transaction, collection_id: int, own_keys: Iterable[str], partition: str | None
) -> dict[str, list[Image]]:
    """Return the images of a collection, or of one of its partitions, that have these keys, by key and id.

    They may be in any state. Without a partition a key may be the one of several images.
    """
    query = sa.select(*_COLUMNS).where(
        table.c.collection_id == collection_id,
        table.c.own_key == sa.func.any(sa.cast(list(own_keys), sa.ARRAY(sa.Text))),
    )
    if partition is not None:
        query = query.where(table.c.partition == partition)
    found: dict[str, list[Image]] = {}
    for row in tx.execute(query.order_by(table.c.id)):
        found.setdefault(row.own_key, []).append(Image(*row))
    return found
