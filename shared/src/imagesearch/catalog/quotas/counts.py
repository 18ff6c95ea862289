"""Keep how many images, and bytes, tenants with a quota have, so that nobody has to count them.

As `image_counts` does for collections: by blocks of ids, in the transactions that change images, with rows enough
that nobody waits for another. An image counts for each quota that holds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from imagesearch.catalog import locks
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.image_counts import BLOCK_BITS, next_block
from imagesearch.catalog.images import Image
from imagesearch.catalog.states import CollectionState
from imagesearch.catalog.tables import collections, quotas
from imagesearch.catalog.tables import quota_counts as table


@dataclass(frozen=True, slots=True)
class Content:
    """Hold what an image that is indexed counts for."""

    image_id: int
    partition: str
    size_bytes: int | None


def contents_of(rows: Iterable[Image]) -> list[Content]:
    """Return what those of the images count for that are indexed."""
    return [Content(row.id, row.partition, row.size_bytes) for row in rows if row.vector_key is not None]


@dataclass(frozen=True, slots=True)
class Used:
    """Hold what a tenant has."""

    images: int = 0
    bytes: int = 0


_HOLDS = "quotas.collection_id IN (0, :collection_id) AND quotas.partition IN ('', {partition})"
_MOVE = sa.text(
    "WITH changed (partition, block, images, bytes) AS MATERIALIZED (SELECT * FROM unnest("  # noqa: S608 - constants
    "CAST(:partitions AS text[]), CAST(:blocks AS bigint[]), CAST(:images AS bigint[]), "
    "CAST(:bytes AS bigint[]))), "
    "moved AS MATERIALIZED (SELECT quotas.id AS quota_id, block, sum(images)::bigint AS images, "
    "sum(bytes)::bigint AS bytes FROM changed JOIN quotas ON "
    + _HOLDS.format(partition="changed.partition")
    + " GROUP BY quotas.id, block HAVING sum(images) <> 0 OR sum(bytes) <> 0), "
    "spots AS MATERIALIZED (SELECT moved.*, spot.id FROM moved LEFT JOIN LATERAL (SELECT id FROM quota_counts "
    "WHERE quota_counts.quota_id = moved.quota_id AND quota_counts.collection_id = :collection_id "
    "AND quota_counts.block = moved.block ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) AS spot ON true), "
    "added AS (UPDATE quota_counts SET images = quota_counts.images + spots.images, "
    "bytes = quota_counts.bytes + spots.bytes FROM spots WHERE quota_counts.id = spots.id) "
    "INSERT INTO quota_counts (quota_id, collection_id, block, images, bytes) "
    "SELECT quota_id, :collection_id, block, images, bytes FROM spots WHERE id IS NULL"
)


def move(
    tx: Transaction, collection_id: int, *, gained: Iterable[Content] = (), lost: Iterable[Content] = ()
) -> None:
    """Count images as they are now, and no longer as they were; the caller holds their rows."""
    images: Counter[tuple[str, int]] = Counter()
    sizes: Counter[tuple[str, int]] = Counter()
    for sign, contents in ((1, gained), (-1, lost)):
        for one in contents:
            place = one.partition, one.image_id >> BLOCK_BITS
            images[place] += sign
            sizes[place] += sign * (one.size_bytes or 0)
    moved = sorted(place for place in images if images[place] or sizes[place])
    if moved:
        given = {
            "partitions": [partition for partition, _ in moved],
            "blocks": [block for _, block in moved],
            "images": [images[place] for place in moved],
            "bytes": [sizes[place] for place in moved],
        }
        tx.execute(_MOVE, {"collection_id": collection_id, **given})


def used(tx: Transaction, quota_ids: Sequence[int]) -> dict[int, Used]:
    """Return what is indexed of each of the quotas."""
    query = (
        sa.select(table.c.quota_id, sa.func.sum(table.c.images), sa.func.sum(table.c.bytes))
        .join(collections, collections.c.id == table.c.collection_id)
        .where(
            table.c.quota_id == sa.func.any(sa.cast(list(quota_ids), sa.ARRAY(sa.BigInteger))),
            collections.c.state == CollectionState.ACTIVE,
        )
        .group_by(table.c.quota_id)
    )
    return dict.fromkeys(quota_ids, Used()) | {row[0]: Used(int(row[1]), int(row[2])) for row in tx.execute(query)}


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """Hold what was found of one block.

    Attributes:
        block: its number; the next one is looked for behind it.
        lacking: for quotas that were counted wrong, how many images and bytes more there are than were counted.
    """

    block: int
    lacking: dict[int, Used]


# One statement, and so one moment: whoever changes images meanwhile changes both numbers or neither.
_LACKING = sa.text(
    "WITH found AS MATERIALIZED (SELECT partition, count(*) AS images, "  # noqa: S608 - constants
    "sum(coalesce(size_bytes, 0)) AS bytes "
    "FROM images WHERE collection_id = :collection_id AND state = 'indexed' AND id >= :first AND id < :end "
    "GROUP BY partition), "
    "due AS (SELECT quotas.id AS quota_id, sum(images) AS images, sum(bytes) AS bytes FROM found JOIN quotas ON "
    + _HOLDS.format(partition="found.partition")
    + " GROUP BY quotas.id), "
    "kept AS (SELECT quota_id, sum(images) AS images, sum(bytes) AS bytes FROM quota_counts "
    "WHERE collection_id = :collection_id AND block = :block GROUP BY quota_id) "
    "SELECT quota_id, (coalesce(due.images, 0) - coalesce(kept.images, 0))::bigint AS images, "
    "(coalesce(due.bytes, 0) - coalesce(kept.bytes, 0))::bigint AS bytes FROM due FULL JOIN kept USING (quota_id)"
)


def check_next(tx: Transaction, collection_id: int, *, behind: int) -> CheckedBlock | None:
    """Count the next block of a collection; None behind the last one. Only others that check it wait."""
    locks.quota_counts(tx, collection_id)
    found = next_block(tx, table, collection_id, behind=behind)
    if found is None:
        return None
    rows = tx.execute(_LACKING, asdict(found))
    lacking = {row.quota_id: Used(row.images, row.bytes) for row in rows if row.images or row.bytes}
    return CheckedBlock(found.block, lacking)


_FOLD = sa.text(
    "WITH few AS (SELECT id FROM quota_counts WHERE collection_id = :collection_id AND block = :block "
    "FOR UPDATE SKIP LOCKED), "
    "gone AS (DELETE FROM quota_counts USING few WHERE quota_counts.id = few.id "
    "RETURNING quota_id, images, bytes) "
    "INSERT INTO quota_counts (quota_id, collection_id, block, images, bytes) "
    "SELECT quota_id, :collection_id, :block, sum(images), sum(bytes) FROM gone GROUP BY quota_id "
    "HAVING sum(images) <> 0 OR sum(bytes) <> 0"
)


def correct(tx: Transaction, collection_id: int, checked: CheckedBlock) -> None:
    """Add what a block was found to lack, and leave it as few rows as it needs.

    What it lacks stays the same whatever is counted since.
    """
    rows = [
        {"quota_id": quota_id, "collection_id": collection_id, "block": checked.block, **_columns(lacking)}
        for quota_id, lacking in sorted(checked.lacking.items())
    ]
    if rows:
        tx.execute(sa.insert(table), rows)
    tx.execute(_FOLD, {"collection_id": collection_id, "block": checked.block})


def _columns(number: Used) -> dict[str, int]:
    return {"images": number.images, "bytes": number.bytes}


def remove(tx: Transaction, collection_id: int) -> None:
    """Forget the quotas of a collection of which no image is left, and what all quotas counted of it."""
    # Whoever corrects a block now would leave a row of it.
    locks.quota_counts(tx, collection_id)
    tx.execute(sa.delete(quotas).where(quotas.c.collection_id == collection_id))
    tx.execute(sa.delete(table).where(table.c.collection_id == collection_id))


def any_quota(tx: Transaction) -> bool:
    """Tell whether anybody has a quota, or had one of which something is left."""
    return any(tx.execute(sa.select(each.c.id).limit(1)).first() is not None for each in (quotas, table))


def begin(tx: Transaction) -> str:
    """Begin to count what was there before the quotas of now; return what `end` takes."""
    began_at = tx.execute(sa.select(sa.cast(sa.func.clock_timestamp(), sa.Text))).scalar_one()
    uncounted = sa.update(quotas).where(quotas.c.counted_at.is_(None))
    tx.execute(uncounted.values(count_began_at=_moment(began_at)))
    return str(began_at)


def end(tx: Transaction, began_at: str) -> bool:
    """Record that everything was counted since `begin`; tell whether no quota has come since."""
    counted = sa.update(quotas).where(quotas.c.count_began_at == _moment(began_at), quotas.c.counted_at.is_(None))
    tx.execute(counted.values(counted_at=sa.func.now()))
    return tx.execute(sa.select(quotas.c.id).where(quotas.c.counted_at.is_(None)).limit(1)).first() is None


def _moment(text: str) -> sa.Cast[datetime]:
    return sa.cast(text, sa.DateTime(timezone=True))
