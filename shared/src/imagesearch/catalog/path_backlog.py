"""Bring the paths of images that an older release wrote to the one form that paths have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import ImageState, JobOrigin
from imagesearch.catalog.tables import images, job_items, jobs, path_backlog


@dataclass(frozen=True, slots=True)
class StoredPath:
    """Hold what the catalogue knows of a path."""

    image_id: int
    collection_id: int
    path: str
    state: ImageState
    uploaded: bool


_COLUMNS = columns_of(images, StoredPath, image_id=images.c.id)


def is_open(tx: Transaction) -> bool:
    """Tell whether there are rows that nobody has looked at yet."""
    return tx.execute(sa.select(path_backlog.c.reached)).first() is not None


def next_slice(tx: Transaction, *, limit: int) -> list[StoredPath]:
    """Return the next rows to look at, by id, and move on behind them when the transaction commits.

    Nothing is returned where the backlog has ended or another process works on it.
    """
    reached = tx.execute(
        sa.select(path_backlog.c.reached).with_for_update(skip_locked=True).limit(1)
    ).scalar_one_or_none()
    if reached is None:
        return []
    query = sa.select(*_COLUMNS).where(images.c.id > reached).order_by(images.c.id).limit(limit)
    found = [StoredPath(*row) for row in tx.execute(query)]
    if found:
        tx.execute(sa.update(path_backlog).values(reached=found[-1].image_id))
    else:
        tx.execute(sa.delete(path_backlog))
    return found


def wait_at(tx: Transaction, image_id: int) -> None:
    """Look at this row once more in the next slice."""
    tx.execute(sa.update(path_backlog).values(reached=image_id - 1))


def at_paths(tx: Transaction, collection_id: int, paths: Sequence[str]) -> dict[str, StoredPath]:
    """Return the rows of a collection at these paths, by path."""
    query = sa.select(*_COLUMNS).where(
        images.c.collection_id == collection_id,
        images.c.path == sa.func.any(sa.cast(list(paths), sa.ARRAY(sa.Text))),
    )
    return {row.path: StoredPath(*row) for row in tx.execute(query)}


def rename(tx: Transaction, image: StoredPath, path: str) -> bool:
    """Give an image another path; return False where another image has taken it in the same moment."""
    try:
        with tx.begin_nested():
            tx.execute(sa.update(images).where(images.c.id == image.image_id).values(path=path))
    except IntegrityError:
        return False
    # A change that waits to be written is found by the path of its image.
    tx.execute(
        sa.update(job_items)
        .where(
            job_items.c.job_id == jobs.c.id,
            jobs.c.origin == JobOrigin.SINGLE_IMAGE,
            jobs.c.finished_at.is_(None),
            job_items.c.path == image.path,
            job_items.c.image_id == image.image_id,
        )
        .values(path=path)
    )
    return True
