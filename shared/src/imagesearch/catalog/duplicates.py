"""Keep what a search for duplicates finds: pairs while it goes on, groups when it has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import duplicate_members as members
from imagesearch.catalog.tables import duplicate_pairs as pairs_table
from imagesearch.catalog.tables import images
from imagesearch.similarity import Group

WRITE_ROWS = 5_000


def record_pairs(tx: Transaction, job_id: str, pairs: Iterable[tuple[int, int, float]]) -> None:
    """Record pairs of like images; one that is known stays as it is."""
    ordered = sorted((min(first, second), max(first, second), distance) for first, second, distance in pairs)
    rows = [
        {"job_id": job_id, "low_id": low, "high_id": high, "distance": distance} for low, high, distance in ordered
    ]
    if rows:
        tx.execute(insert(pairs_table).on_conflict_do_nothing(), rows)


def pairs(tx: Transaction, job_id: str) -> Iterator[tuple[int, int, float]]:
    """Iterate over the pairs of a job, row by row."""
    query = sa.select(pairs_table.c.low_id, pairs_table.c.high_id, pairs_table.c.distance)
    for row in tx.execute(query.where(pairs_table.c.job_id == job_id)):
        yield row.low_id, row.high_id, row.distance


def same_content(tx: Transaction, collection_id: int, partition: str | None) -> Iterator[tuple[int, int, float]]:
    """Iterate over pairs of indexed images whose files hold the same bytes: each with the first of them."""
    first = sa.func.min(images.c.id).over(partition_by=images.c.sha256).label("first_id")
    query = sa.select(images.c.id, first).where(
        images.c.collection_id == collection_id, images.c.state == ImageState.INDEXED
    )
    if partition is not None:
        query = query.where(images.c.partition == partition)
    with_first = query.subquery()
    for row in tx.execute(sa.select(with_first).where(with_first.c.id != with_first.c.first_id)):
        yield row.first_id, row.id, 0.0


def end(tx: Transaction, job_id: str, groups: Sequence[Group]) -> None:
    """Replace the pairs of a job by its groups."""
    rows = [
        {"job_id": job_id, "group_id": group.id, "image_id": image_id, "distance": distance}
        for group in groups
        for image_id, distance in group.members.items()
    ]
    for start in range(0, len(rows), WRITE_ROWS):
        tx.execute(sa.insert(members), rows[start : start + WRITE_ROWS])
    forget_pairs(tx, job_id)


def forget_pairs(tx: Transaction, job_id: str) -> None:
    """Remove the pairs of a job."""
    tx.execute(sa.delete(pairs_table).where(pairs_table.c.job_id == job_id))


def groups(tx: Transaction, job_id: str, *, after: int, limit: int) -> list[Group]:
    """Return groups that a job found, in the order of their ids, from behind the one with id `after`."""
    wanted = (
        sa.select(members.c.group_id)
        .distinct()
        .where(members.c.job_id == job_id, members.c.group_id > after)
        .order_by(members.c.group_id)
        .limit(limit)
    )
    query = (
        sa.select(members.c.group_id, members.c.image_id, members.c.distance)
        .where(members.c.job_id == job_id, members.c.group_id.in_(wanted))
        .order_by(members.c.group_id, members.c.image_id)
    )
    found: dict[int, dict[int, float]] = {}
    for row in tx.execute(query):
        found.setdefault(row.group_id, {})[row.image_id] = row.distance
    return [Group(row) for row in found.values()]
