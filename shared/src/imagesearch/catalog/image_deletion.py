"""Finish the deletion of images: find what is marked, name its files, and remove its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import images as table


@dataclass(frozen=True, slots=True)
class File:
    """Name the file of an image, and whether the service stored it itself."""

    path: str
    uploaded: bool


def deleting(tx: Transaction, collection_id: int, *, limit: int) -> list[int]:
    """Return some of the images whose deletion has begun and not ended."""
    query = (
        sa.select(table.c.id)
        .where(table.c.collection_id == collection_id, table.c.state == ImageState.DELETING)
        .order_by(table.c.id)
        .limit(limit)
    )
    return list(tx.execute(query).scalars())


def files_of(tx: Transaction, image_ids: Sequence[int]) -> list[File]:
    """Return the files of images in whatever state."""
    ids = sa.cast(list(image_ids), sa.ARRAY(sa.BigInteger))
    rows = tx.execute(sa.select(table.c.path, table.c.uploaded).where(table.c.id == sa.func.any(ids)))
    return [File(row.path, row.uploaded) for row in rows]


def remove(tx: Transaction, image_ids: Sequence[int]) -> None:
    """Remove the rows of images whose vectors are gone."""
    tx.execute(sa.delete(table).where(table.c.id.in_(image_ids), table.c.state == ImageState.DELETING))


def remove_slice(tx: Transaction, collection_id: int, *, limit: int) -> list[File]:
    """Remove some rows of a collection that is being deleted; return their files."""
    some = sa.select(table.c.id).where(table.c.collection_id == collection_id).limit(limit)
    removed = sa.delete(table).where(table.c.id.in_(some)).returning(table.c.path, table.c.uploaded)
    return [File(row.path, row.uploaded) for row in tx.execute(removed)]
