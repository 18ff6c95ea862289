"""List images in an order that an index has: by id, by path, or by the time of their row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog import image_queries, listing_indexes
from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.constants import MAX_PATH_BYTES
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import images as table
from imagesearch.vectors.filters import Filter, matches

_COLUMNS = columns_of(table, Image)
LAST = "\U0010ffff"


def by_id(
    tx: Transaction,
    collection_id: int,
    states: Iterable[ImageState],
    *,
    partition: str | None,
    after: int,
    limit: int,
) -> list[Image]:
    """Return images in some states, of a collection or of one of its partitions, by id from behind `after`.

    Each state has an index of its own to be read in this order.

    Raises:
        StoreUnavailable: an index of states is still being built.
    """
    wanted = set(states)
    lists = []
    if ImageState.INDEXED in wanted:
        lists.append(image_queries.listing(tx, collection_id, partition=partition, after=after, limit=limit))
    if wanted - {ImageState.INDEXED}:
        listing_indexes.require(tx)
    for state in sorted(wanted - {ImageState.INDEXED}):
        query = in_state(collection_id, state, partition=partition, after=after, limit=limit)
        lists.append([Image(*row) for row in tx.execute(query)])
    return list(islice(merge(*lists, key=lambda image: image.id), limit))


def in_state(
    collection_id: int, state: ImageState, *, partition: str | None, after: int, limit: int
) -> sa.Select[Any]:
    """Return the statement that lists images that are not indexed, in one of the states of those, by id."""
    query = sa.select(*_COLUMNS).where(
        table.c.collection_id == collection_id,
        table.c.state == state,
        # What the index is of, in its own words: a parameter proves nothing.
        sa.text("state <> 'indexed'"),
        table.c.id > after,
    )
    if partition is not None:
        query = query.where(table.c.partition == partition)
    return query.order_by(table.c.id).limit(limit)


@dataclass(frozen=True, slots=True)
class ImageSelection:
    """Say which images of a collection are wanted; None leaves out nothing.

    Attributes:
        created_after, created_before: the first moment of their rows that counts, and the first that does not.
    """

    states: frozenset[ImageState] = frozenset({ImageState.INDEXED})
    partition: str | None = None
    own_key: str | None = None
    path_prefix: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    where: Filter | None = None

    def fits(self, row: Image) -> bool:
        """Tell whether an image is wanted."""
        return (
            row.state in self.states
            and self.partition in (None, row.partition)
            and self.own_key in (None, row.own_key)
            and (self.path_prefix is None or row.path.startswith(self.path_prefix))
            and (self.created_after is None or row.created_at >= self.created_after)
            and (self.created_before is None or row.created_at < self.created_before)
            and (self.where is None or matches(self.where, row.metadata))
        )


BELOW = sa.text(
    f"SELECT {', '.join(column.name for column in _COLUMNS)} FROM images "  # noqa: S608 - names of columns
    "WHERE collection_id = :collection_id AND path ~>=~ :first AND path ~<~ :end "
    "AND path ~>~ :after ORDER BY path USING ~<~ LIMIT :limit"
)
"""By bytes, as the index is, whatever the collation of the database."""
_ROWS_BELOW = BELOW.columns(*_COLUMNS)


def by_path(tx: Transaction, collection_id: int, prefix: str, *, after: str, limit: int) -> list[Image]:
    """Return images of a collection whose paths begin with a prefix, by path and from behind the path `after`."""
    given = {
        "collection_id": collection_id,
        "first": prefix,
        "end": behind(prefix),
        "after": after,
        "limit": limit,
    }
    return [Image(*row) for row in tx.execute(_ROWS_BELOW, given)]


def behind(prefix: str) -> str:
    """Return a text that lies, in the order of bytes, behind all paths that begin with a prefix, and no others."""
    kept = prefix.rstrip(LAST)
    if not kept:
        return LAST * (MAX_PATH_BYTES + 1)
    # The order of bytes in UTF-8 is that of code points; surrogates are none.
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """Hold a place in the order of time: when a row was made, and its id among those of that moment."""

    created_at: datetime
    image_id: int


def by_time(
    tx: Transaction,
    collection_id: int,
    *,
    since: datetime | None,
    until: datetime | None,
    after: Moment | None,
    limit: int,
) -> list[Image]:
    """Return images of a collection whose rows were made from `since` on and before `until`, in that order.

    Raises:
        StoreUnavailable: the index is still being built.
    """
    listing_indexes.require(tx)
    query = between(collection_id, since=since, until=until, after=after, limit=limit)
    return [Image(*row) for row in tx.execute(query)]


def between(
    collection_id: int, *, since: datetime | None, until: datetime | None, after: Moment | None, limit: int
) -> sa.Select[Any]:
    """Return the statement that lists images by the time of their rows, from behind a place in that order."""
    query = sa.select(*_COLUMNS).where(table.c.collection_id == collection_id)
    if after is not None:
        place = sa.tuple_(table.c.created_at, table.c.id)
        query = query.where(place > sa.tuple_(after.created_at, after.image_id))
    if since is not None:
        query = query.where(table.c.created_at >= since)
    if until is not None:
        query = query.where(table.c.created_at < until)
    return query.order_by(table.c.created_at, table.c.id).limit(limit)
