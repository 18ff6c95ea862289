"""List images by what is said about them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from imagesearch.catalog import image_listing, own_keys
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.image_listing import ImageSelection, Moment
from imagesearch.catalog.images import Image
from imagesearch_api.errors import CursorRejected

SLICE = 1_000
MAX_LOOKED_AT = 5_000
"""Images that one request looks at: no index knows what an arbitrary filter matches, and whoever asks waits."""
_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Browsed:
    """Hold images that are wanted.

    Attributes:
        next: the cursor of what is behind them; None where there are no others.
    """

    images: list[Image]
    next: str | None


class _Walk(NamedTuple):
    """Read a list in the order of an index.

    Attributes:
        read: returns so many rows from behind a cursor.
        cursor_of: names the place of a row.
    """

    read: Callable[[str | None, int], list[Image]]
    cursor_of: Callable[[Image], str]


def browse(
    tx: Transaction, collection_id: int, wanted: ImageSelection, *, cursor: str | None, limit: int
) -> Browsed:
    """Return the images of a collection that are wanted, from behind a cursor.

    By path where they are wanted below a prefix, by the time of their rows where they are wanted by that, and by
    id otherwise and in a partition: whose rows alone are read then, so that no page tells of others. What the
    index does not know is looked at row by row: fewer than `limit` may come, even none, where others follow.

    Raises:
        CursorRejected: it is none of such a list.
        StoreUnavailable: an index is still being built.
    """
    walk = _walk(tx, collection_id, wanted)
    found: list[Image] = []
    # A first page that fits costs no more than it shows.
    size, looked_at = limit, 0
    while True:
        rows = walk.read(cursor, size)
        for row in rows:
            if wanted.fits(row):
                found.append(row)
                if len(found) == limit:
                    return Browsed(found, walk.cursor_of(row))
        if len(rows) < size:
            return Browsed(found, None)
        cursor = walk.cursor_of(rows[-1])
        looked_at += size
        size = min(SLICE, MAX_LOOKED_AT - looked_at)
        if size <= 0:
            return Browsed(found, cursor)


def _walk(tx: Transaction, collection_id: int, wanted: ImageSelection) -> _Walk:
    prefix, partition = wanted.path_prefix, wanted.partition
    if wanted.own_key is not None:
        held = own_keys.holders(tx, collection_id, [wanted.own_key], partition).get(wanted.own_key, [])
        rows = sorted(held, key=lambda row: row.id)
        return _Walk(lambda after, size: [row for row in rows if row.id > _id(after)][:size], _by_id)
    if partition is None and prefix is not None:
        return _Walk(
            lambda after, size: image_listing.by_path(tx, collection_id, prefix, after=after or "", limit=size),
            lambda row: row.path,
        )
    if partition is None and (wanted.created_after is not None or wanted.created_before is not None):
        since, until = wanted.created_after, wanted.created_before
        return _Walk(
            lambda after, size: image_listing.by_time(
                tx, collection_id, since=since, until=until, after=_moment(after), limit=size
            ),
            lambda row: f"{row.created_at.isoformat()}~{row.id}",
        )
    return _Walk(
        lambda after, size: image_listing.by_id(
            tx, collection_id, wanted.states, partition=partition, after=_id(after), limit=size
        ),
        _by_id,
    )


def _by_id(row: Image) -> str:
    return str(row.id)


def _id(cursor: str | None) -> int:
    if cursor is not None and not _ID.fullmatch(cursor):
        raise CursorRejected
    return int(cursor or 0)


def _moment(cursor: str | None) -> Moment | None:
    if cursor is None:
        return None
    time, _, image_id = cursor.partition("~")
    try:
        created_at = datetime.fromisoformat(time)
    except ValueError:
        raise CursorRejected from None
    if created_at.tzinfo is None:
        raise CursorRejected
    return Moment(created_at, _id(image_id))
