"""Find the images that a build has to hold: all that are indexed, and again those whose vectors are new since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.image_queries import indexed_behind
from imagesearch.catalog.tables import images


@dataclass(frozen=True, slots=True)
class Source:
    """Describe an indexed image as a build needs it: everything here is as of its key."""

    id: int
    path: str
    vector_key: int
    version: int
    sha256: str | None
    partition: str
    metadata: dict[str, Any]


_SOURCE = columns_of(images, Source)


def sources(tx: Transaction, image_ids: Iterable[int]) -> dict[int, Source]:
    """Return those of the images that are indexed, by id."""
    query = sa.select(*_SOURCE).where(images.c.id.in_(sorted(image_ids)), images.c.vector_key.is_not(None))
    return {row.id: Source(*row) for row in tx.execute(query)}


def next_sources(
    tx: Transaction, collection_id: int, *, after: int, limit: int, partition: str | None = None
) -> list[Source]:
    """Return indexed images of a collection, or of one partition, by id and from behind `after`."""
    query = sa.select(*_SOURCE).where(*indexed_behind(collection_id, after, partition))
    return [Source(*row) for row in tx.execute(query.order_by(images.c.id).limit(limit))]


def changed(tx: Transaction, collection_id: int, *, after: int, up_to: int | None, limit: int) -> list[Source]:
    """Return images whose keys lie in the range (after, up_to], by key; None is no upper bound."""
    query = sa.select(*_SOURCE).where(images.c.collection_id == collection_id, images.c.vector_key > after)
    if up_to is not None:
        query = query.where(images.c.vector_key <= up_to)
    return [Source(*row) for row in tx.execute(query.order_by(images.c.vector_key).limit(limit))]
