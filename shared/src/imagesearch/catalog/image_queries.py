"""Select images by what is known of them: partition, path, place in a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def counts_of_partition(tx: Transaction, collection_ids: Iterable[int], partition: str) -> dict[int, int]:
    """Return the number of indexed images of a partition in each of the collections.

    It is counted along the index of partitions: what it costs grows with the partition, not with the collections.
    """
    wanted = sorted(collection_ids)
    query = (
        sa.select(table.c.collection_id, sa.func.count())
        .where(
            table.c.collection_id == sa.func.any(sa.cast(wanted, sa.ARRAY(sa.BigInteger))),
            table.c.partition == partition,
            table.c.state == ImageState.INDEXED,
        )
        .group_by(table.c.collection_id)
    )
    return dict.fromkeys(wanted, 0) | {row[0]: row[1] for row in tx.execute(query)}


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


def below(
    tx: Transaction, collection_id: int, directory: str, *, after: str, limit: int, partition: str | None = None
) -> list[tuple[int, str]]:
    """Return ids and paths of images below a directory, by path, starting behind `after`; uploads are none.

    Args:
        tx: the transaction.
        collection_id: of the images.
        directory: in its one form.
        after: a path; the empty one is the beginning.
        limit: the most images.
        partition: only those of this one.
    """
    prefix = directory.rstrip("/") + "/"
    query = (
        sa.select(table.c.id, table.c.path)
        .where(
            table.c.collection_id == collection_id,
            table.c.path.startswith(prefix, autoescape=True),
            table.c.path > after,
            ~table.c.uploaded,
        )
        .order_by(table.c.path)
        .limit(limit)
    )
    if partition is not None:
        query = query.where(table.c.partition == partition)
    return [(row.id, row.path) for row in tx.execute(query)]
