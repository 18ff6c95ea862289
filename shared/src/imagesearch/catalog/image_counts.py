"""Keep how many images of a collection are indexed, so that nobody has to count them.

Images are counted by blocks of ids, in the transaction that changes them: at any moment what is kept of a block is
what a count of its rows would find, and one statement can tell whether it is. A block has as many rows as there
have been transactions that changed it at the same moment: nobody waits for a row that another one holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog import locks
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import count_backlog, images
from imagesearch.catalog.tables import image_counts as table

BLOCK_BITS = 20
"""A block is a million ids: a statement counts it along an index, and a collection of a hundred million has a
hundred blocks. Stored rows speak of these blocks; another number needs a migration."""

_MOVE = sa.text(
    "WITH moved (block, number) AS MATERIALIZED "
    "(SELECT * FROM unnest(CAST(:blocks AS bigint[]), CAST(:numbers AS bigint[]))), "
    "spots AS MATERIALIZED (SELECT block, number, spot.id FROM moved LEFT JOIN LATERAL "
    "(SELECT id FROM image_counts "
    "WHERE image_counts.collection_id = :collection_id AND image_counts.block = moved.block "
    "ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) AS spot ON true), "
    "added AS (UPDATE image_counts SET indexed = indexed + number FROM spots WHERE image_counts.id = spots.id) "
    "INSERT INTO image_counts (collection_id, block, indexed) "
    "SELECT :collection_id, block, number FROM spots WHERE id IS NULL"
)


def move(tx: Transaction, collection_id: int, *, gained: Iterable[int] = (), lost: Iterable[int] = ()) -> None:
    """Count images that have just been given a vector, and those that have just lost theirs, by their ids.

    The caller holds the rows of the images.
    """
    moved = Counter(image_id >> BLOCK_BITS for image_id in gained)
    moved.subtract(image_id >> BLOCK_BITS for image_id in lost)
    numbers = {block: number for block, number in sorted(moved.items()) if number}
    if numbers:
        given = {"blocks": list(numbers), "numbers": list(numbers.values())}
        tx.execute(_MOVE, {"collection_id": collection_id, **given})


def indexed(tx: Transaction, collection_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of images that are indexed in each of the collections.

    Those of a collection that an older release filled are counted, until `check_next` has been through it once.
    """
    wanted = sa.func.any(sa.cast(list(collection_ids), sa.ARRAY(sa.BigInteger)))
    # First: what is in the backlog no more has been counted.
    backlog = sa.select(count_backlog.c.collection_id).where(count_backlog.c.collection_id == wanted)
    uncounted = list(tx.execute(backlog).scalars())
    kept = sa.select(table.c.collection_id, sa.func.sum(table.c.indexed)).where(table.c.collection_id == wanted)
    counts = dict.fromkeys(collection_ids, 0) | _numbers(tx, kept.group_by(table.c.collection_id))
    if uncounted:
        counted = sa.select(images.c.collection_id, sa.func.count()).where(
            images.c.state == ImageState.INDEXED, images.c.collection_id.in_(uncounted)
        )
        counts |= dict.fromkeys(uncounted, 0) | _numbers(tx, counted.group_by(images.c.collection_id))
    return counts


@dataclass(frozen=True, slots=True)
class Block:
    """Hold a block of a collection, under the names that statements give it.

    Attributes:
        collection_id: the collection.
        block: its number.
        first: its first id.
        end: the first id behind it.
    """

    collection_id: int
    block: int
    first: int
    end: int


def next_block(tx: Transaction, counts: sa.Table, collection_id: int, *, behind: int) -> Block | None:
    """Return the next block in which images of a collection are indexed, or counted; None behind the last one."""
    indexed_first = sa.select(sa.func.min(images.c.id).op(">>")(BLOCK_BITS)).where(
        images.c.collection_id == collection_id,
        images.c.state == ImageState.INDEXED,
        images.c.id >= (behind + 1) << BLOCK_BITS,
    )
    counted_first = sa.select(sa.func.min(counts.c.block)).where(
        counts.c.collection_id == collection_id, counts.c.block > behind
    )
    both = sa.func.least(indexed_first.scalar_subquery(), counted_first.scalar_subquery())
    block = tx.execute(sa.select(both)).scalar_one()
    if block is None:
        return None
    return Block(collection_id, block, block << BLOCK_BITS, (block + 1) << BLOCK_BITS)


def _numbers(tx: Transaction, query: sa.Select[Any]) -> dict[int, int]:
    return {row[0]: int(row[1]) for row in tx.execute(query)}


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """Hold what was found of one block.

    Attributes:
        block: its number; the next one is looked for behind it.
        lacking: how many more images are indexed than were counted; negative where too many were counted.
    """

    block: int
    lacking: int


# One statement, and so one moment: whoever changes images meanwhile changes both numbers or neither.
_LACKING = sa.text(
    "SELECT (SELECT count(*) FROM images WHERE collection_id = :collection_id AND state = 'indexed' "
    "AND id >= :first AND id < :end) - (SELECT coalesce(sum(indexed), 0) FROM image_counts "
    "WHERE collection_id = :collection_id AND block = :block)"
)


def check_next(tx: Transaction, collection_id: int, *, behind: int) -> CheckedBlock | None:
    """Count the next block of a collection; None behind the last one. Only others that check it wait."""
    locks.image_counts(tx, collection_id)
    found = next_block(tx, table, collection_id, behind=behind)
    return CheckedBlock(found.block, int(tx.execute(_LACKING, asdict(found)).scalar_one())) if found else None


_FOLD = sa.text(
    "WITH few AS (SELECT id FROM image_counts WHERE collection_id = :collection_id AND block = :block "
    "FOR UPDATE SKIP LOCKED), "
    "gone AS (DELETE FROM image_counts USING few WHERE image_counts.id = few.id RETURNING indexed) "
    "INSERT INTO image_counts (collection_id, block, indexed) "
    "SELECT :collection_id, :block, sum(indexed) FROM gone HAVING sum(indexed) <> 0"
)


def correct(tx: Transaction, collection_id: int, checked: CheckedBlock) -> None:
    """Add what a block was found to lack, and leave it as few rows as it needs.

    What it lacks stays the same whatever is counted since.
    """
    if checked.lacking:
        row = {"collection_id": collection_id, "block": checked.block, "indexed": checked.lacking}
        tx.execute(sa.insert(table).values(row))
    tx.execute(_FOLD, {"collection_id": collection_id, "block": checked.block})


def remove(tx: Transaction, collection_id: int) -> None:
    """Forget the counts of a collection of which no image is left."""
    # Whoever corrects a block now would leave a row of it.
    locks.image_counts(tx, collection_id)
    tx.execute(sa.delete(table).where(table.c.collection_id == collection_id))
    end_backlog(tx, collection_id)


def uncounted(tx: Transaction) -> tuple[int, int] | None:
    """Return a collection that an older release filled, and behind which block it is to be counted; or None."""
    query = sa.select(count_backlog.c.collection_id, count_backlog.c.behind)
    row = tx.execute(query.order_by(count_backlog.c.collection_id).limit(1)).one_or_none()
    return (row.collection_id, row.behind) if row is not None else None


def reach(tx: Transaction, collection_id: int, block: int) -> None:
    """Record up to which block such a collection has been counted."""
    tx.execute(sa.update(count_backlog).where(count_backlog.c.collection_id == collection_id).values(behind=block))


def end_backlog(tx: Transaction, collection_id: int) -> None:
    """Record that all of a collection has been counted."""
    tx.execute(sa.delete(count_backlog).where(count_backlog.c.collection_id == collection_id))
