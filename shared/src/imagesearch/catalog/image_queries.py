"""Select images by what is known of them: partition, path, place in a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import images as table

_COLUMNS = columns_of(table, Image)


def indexed_behind(collection_id: int, after: int, partition: str | None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on indexed images of a collection, or of one partition, from behind the id `after`."""
    conditions = [table.c.collection_id == collection_id, table.c.state == ImageState.INDEXED, table.c.id > after]
    return conditions if partition is None else [*conditions, table.c.partition == partition]


def listing(tx: Transaction, collection_id: int, *, partition: str | None, after: int, limit: int) -> list[Image]:
    """Return indexed images of a collection, or of one of its partitions, by id from behind `after`."""
    query = sa.select(*_COLUMNS).where(*indexed_behind(collection_id, after, partition))
    return [Image(*row) for row in tx.execute(query.order_by(table.c.id).limit(limit))]


def spread_out(
    tx: Transaction, collection_id: int, *, partition: str | None, places: int, at_each: int
) -> list[Image]:
    """Return indexed images of a collection, or of one of its partitions, from places spread over its ids.

    It costs the same for any number of images; the same images give the same answer.
    """
    conditions = indexed_behind(collection_id, 0, partition)
    ends = [
        tx.execute(sa.select(table.c.id).where(*conditions).order_by(order).limit(1)).scalar()
        for order in (table.c.id, table.c.id.desc())
    ]
    if ends[0] is None or ends[1] is None:
        return []
    first, length = ends[0], ends[1] - ends[0] + 1
    found: dict[int, Image] = {}
    for place in range(places):
        after = first - 1 + place * length // places
        for image in listing(tx, collection_id, partition=partition, after=after, limit=at_each):
            found[image.id] = image
    return list(found.values())


MAX_COUNTED = 10_000
"""Images of a partition that are counted, in each collection: nobody keeps their number."""

_IN_PARTITION = sa.text(
    "SELECT wanted.id, (SELECT count(*) FROM (SELECT FROM images WHERE collection_id = wanted.id "
    "AND partition = :partition AND state = 'indexed' LIMIT :most) AS counted) AS number "
    "FROM unnest(CAST(:collection_ids AS bigint[])) AS wanted (id)"
)


def counts_of_partition(tx: Transaction, collection_ids: Iterable[int], partition: str) -> dict[int, int]:
    """Return how many images of a partition are indexed in each of the collections; `MAX_COUNTED` may be more."""
    given = {"collection_ids": sorted(collection_ids), "partition": partition, "most": MAX_COUNTED}
    return {row.id: row.number for row in tx.execute(_IN_PARTITION, given)}


def partitions(tx: Transaction, collection_id: int, *, after: str | None, limit: int) -> list[str]:
    """Return the partitions that indexed images of a collection have, in order, from behind `after`.

    Each is found by one look into the index, whatever the number of its images: a loose index scan, as a recursive
    query, of which Postgres computes no more rows than the limit asks for.
    """
    conditions = [table.c.collection_id == collection_id, table.c.state == ImageState.INDEXED]
    column = table.c.partition

    def first(*more: sa.ColumnElement[bool]) -> sa.Select[str]:
        return sa.select(column).where(*conditions, *more).order_by(column).limit(1)

    begin = first() if after is None else first(column > after)
    walk = sa.select(begin.scalar_subquery().label("name")).cte("walk", recursive=True)
    following = sa.select(first(column > walk.c.name).scalar_subquery()).where(walk.c.name.is_not(None))
    steps = walk.union_all(following)
    query = sa.select(steps.c.name).where(steps.c.name.is_not(None)).limit(limit)
    return list(tx.execute(query).scalars())


def has_partition(tx: Transaction, collection_id: int, partition: str) -> bool:
    """Tell whether an indexed image of a collection has that partition."""
    query = sa.select(table.c.id).where(
        table.c.collection_id == collection_id, table.c.partition == partition, table.c.state == ImageState.INDEXED
    )
    return tx.execute(query.limit(1)).first() is not None


def ids_of_paths(tx: Transaction, collection_id: int, paths: Sequence[str]) -> dict[str, int]:
    """Return the ids of images, by path."""
    query = sa.select(table.c.path, table.c.id).where(
        table.c.collection_id == collection_id,
        table.c.path == sa.func.any(sa.cast(list(paths), sa.ARRAY(sa.Text))),
    )
    return {row.path: row.id for row in tx.execute(query)}


def existing(tx: Transaction, image_ids: Iterable[int]) -> set[int]:
    """Return those of the images that have a row, whatever their state."""
    return set(tx.execute(sa.select(table.c.id).where(table.c.id.in_(sorted(image_ids)))).scalars())


@dataclass(frozen=True, slots=True)
class Placed:
    """Describe an image by where it lies, and who may take it away."""

    id: int
    path: str
    partition: str
    uploaded: bool


# Ordered by bytes, as the index is, whatever the collation of the database: what begins with a directory is one
# range of it, from its slash to the character behind that. Nothing else is asked for, so that a page is one read.
_BELOW = sa.text(
    "SELECT id, path, partition, uploaded FROM images WHERE collection_id = :collection_id "
    "AND path ~>=~ :first AND path ~<~ :end AND path ~>~ :after ORDER BY path USING ~<~ LIMIT :limit"
)


def below(tx: Transaction, collection_id: int, directory: str, *, after: str, limit: int) -> list[Placed]:
    """Return images below a directory, which is in its one form, by path and from behind the path `after`."""
    whole = directory.rstrip("/")
    bounds = {"first": f"{whole}/", "end": f"{whole}0", "after": after}
    rows = tx.execute(_BELOW, {"collection_id": collection_id, "limit": limit, **bounds})
    return [Placed(*row) for row in rows]
