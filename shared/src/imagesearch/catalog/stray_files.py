"""Keep the paths of uploads that may have a file without a row, until somebody has looked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import images
from imagesearch.catalog.tables import stray_files as table


@dataclass(frozen=True, slots=True)
class StrayFile:
    """Name a place where an upload of a collection may lie."""

    id: int
    collection_id: int
    path: str


def note(tx: Transaction, collection_id: int, paths: Iterable[str], *, after: timedelta = timedelta(0)) -> None:
    """Have somebody look at paths, at once or some time after now."""
    rows = [
        {"collection_id": collection_id, "path": path, "look_after": sa.func.clock_timestamp() + after}
        for path in sorted(paths)
    ]
    if rows:
        tx.execute(sa.insert(table).values(rows))


def due(tx: Transaction, *, limit: int) -> list[StrayFile]:
    """Return paths to look at, those first that have waited longest."""
    query = (
        sa.select(table.c.id, table.c.collection_id, table.c.path)
        .where(table.c.look_after <= sa.func.clock_timestamp())
        .order_by(table.c.look_after)
        .limit(limit)
    )
    return [StrayFile(*row) for row in tx.execute(query)]


def forget(tx: Transaction, looked_at: Sequence[StrayFile]) -> None:
    """Remove paths that somebody has looked at."""
    tx.execute(sa.delete(table).where(table.c.id.in_(sorted(one.id for one in looked_at))))


def is_wanted(tx: Transaction, stray: StrayFile) -> bool:
    """Tell whether an image has that path, so that its file has to stay."""
    query = sa.select(images.c.id).where(
        images.c.collection_id == stray.collection_id, images.c.path == stray.path
    )
    return tx.execute(query).first() is not None
