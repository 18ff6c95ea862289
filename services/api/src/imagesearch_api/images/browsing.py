"""List images by what is said about them."""

from __future__ import annotations

from dataclasses import dataclass

from imagesearch.catalog import image_queries, own_keys
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.states import ImageState
from imagesearch.vectors import Filter, matches

SLICE = 1_000
MAX_LOOKED_AT = 5_000
"""Images that one request looks at: no index knows what an arbitrary filter matches, and whoever asks waits."""


@dataclass(frozen=True, slots=True)
class Browsed:
    """Hold images that match.

    Attributes:
        next: the id behind which it goes on; None where there are no others.
    """

    images: list[Image]
    next: int | None


def browse(
    tx: Transaction,
    collection_id: int,
    *,
    partition: str | None,
    where: Filter | None,
    after: int,
    limit: int,
    own_key: str | None = None,
) -> Browsed:
    """Return indexed images of a collection, of one of its partitions, or with a key, by id from behind `after`.

    With a filter fewer than `limit` may come, even none, where others follow.
    """
    if own_key is not None:
        held = own_keys.holders(tx, collection_id, [own_key], partition).get(own_key, [])
        fitting = [row for row in held if row.id > after and _is_shown(row, where)]
        return Browsed(fitting[:limit], fitting[limit - 1].id if len(fitting) > limit else None)
    if where is None:
        rows = image_queries.listing(tx, collection_id, partition=partition, after=after, limit=limit)
        return Browsed(rows, rows[-1].id if len(rows) == limit else None)
    found: list[Image] = []
    for _ in range(MAX_LOOKED_AT // SLICE):
        rows = image_queries.listing(tx, collection_id, partition=partition, after=after, limit=SLICE)
        for row in rows:
            if matches(where, row.metadata):
                found.append(row)
                if len(found) == limit:
                    return Browsed(found, row.id)
        if len(rows) < SLICE:
            return Browsed(found, None)
        after = rows[-1].id
    return Browsed(found, after)


def _is_shown(row: Image, where: Filter | None) -> bool:
    return row.state == ImageState.INDEXED and (where is None or matches(where, row.metadata))
