"""Keep two jobs from having the same picture extracted at the same time.

A row says that a picture is on its way in a batch. It counts as long as the batch does: when that has come back,
was lost or was cancelled, the row is void, whoever left it behind. A batch whose pictures are on their way in
another one waits for that. Then it is sent with what is indexed by now, and costs no forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from imagesearch.catalog import locks
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import batches
from imagesearch.catalog.jobs.batches import Batch
from imagesearch.catalog.states import BatchState
from imagesearch.catalog.tables import job_batches, job_items
from imagesearch.catalog.tables import sent_images as table
from imagesearch.contract import Outcome

MAX_WOKEN = 16
"""Batches that one wakes."""
_KNOWN = (Outcome.INDEXED, Outcome.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Say what becomes of batches that were to be sent.

    Attributes:
        going: the pictures that go along, by batch; a batch that is not here has been taken back.
        waiting: batches that wait for others now.
    """

    going: Mapping[int, frozenset[int]]
    waiting: Sequence[int]


def claim(tx: Transaction, sent: Sequence[tuple[Batch, Sequence[int]]]) -> Claimed:
    """Note the pictures of batches that are being sent, but for those that are on their way; these wait.

    A picture that was indexed by the batch for which this one has waited goes along with all that have: its file
    is only read. So they need not follow one after another, as with one that has failed.

    Args:
        tx: the transaction, of which this is the only call: what two of them share is locked once, in one order.
        sent: batches that it has leased, each with its pictures.
    """
    wanted = sorted({image_id for _, image_ids in sent for image_id in image_ids})
    locks.pictures(tx, wanted)
    holders = _holders(tx, wanted, besides=[batch.id for batch, _ in sent])
    going: dict[int, frozenset[int]] = {}
    waiting: list[int] = []
    for batch, image_ids in sent:
        known = _known(tx, batch.waited_for, image_ids)
        held = {each: holders[each] for each in image_ids if each in holders and each not in known}
        free = frozenset(image_ids) - held.keys()
        holders |= dict.fromkeys(free, batch.id)
        if free or not held:
            going[batch.id] = free
        if held:
            waiting.append(_wait(tx, batch, held, is_whole=not free))
    _note(tx, [(image_id, batch_id) for batch_id, image_ids in going.items() for image_id in image_ids])
    return Claimed(going, waiting)


def _holders(tx: Transaction, image_ids: Sequence[int], *, besides: Sequence[int]) -> dict[int, int]:
    query = (
        sa.select(table.c.image_id, sa.func.max(table.c.batch_id))
        .join(job_batches, job_batches.c.id == table.c.batch_id)
        .where(
            table.c.image_id == sa.func.any(sa.cast(list(image_ids), sa.ARRAY(sa.BigInteger))),
            table.c.batch_id.not_in(besides),
            job_batches.c.state == BatchState.SENT,
        )
        .group_by(table.c.image_id)
    )
    return {row[0]: row[1] for row in tx.execute(query)}


def _known(tx: Transaction, waited_for: int | None, image_ids: Sequence[int]) -> set[int]:
    if waited_for is None:
        return set()
    query = sa.select(job_items.c.image_id).where(
        job_items.c.batch_id == waited_for,
        job_items.c.image_id.in_(image_ids),
        job_items.c.outcome.in_(_KNOWN),
    )
    return set(tx.execute(query).scalars())


def _wait(tx: Transaction, batch: Batch, held: Mapping[int, int], *, is_whole: bool) -> int:
    """Have a batch wait, or a new one with those of its pictures that have to."""
    waiting_id = batch.id
    if not is_whole:
        [waiting_id] = batches.create(tx, batch.job_id, 1)
        batches.move_open(tx, batch, waiting_id, held)
    tx.execute(
        sa.update(job_batches)
        .where(job_batches.c.id == waiting_id)
        .values(state=BatchState.READY, leased_until=None, crashes=batch.crashes, waits_for=max(held.values()))
    )
    return waiting_id


def _note(tx: Transaction, rows: Sequence[tuple[int, int]]) -> None:
    tx.execute(
        sa.text(
            "INSERT INTO sent_images (image_id, batch_id) "
            "SELECT image_id, batch_id FROM unnest(CAST(:image_ids AS bigint[]), CAST(:batch_ids AS bigint[])) "
            "AS sent (image_id, batch_id) ON CONFLICT DO NOTHING"
        ),
        {"image_ids": [row[0] for row in rows], "batch_ids": [row[1] for row in rows]},
    )


def wake(tx: Transaction, batch: Batch) -> None:
    """Have some of those go on that wait for a batch; for after the commit of what it has come to.

    When they come back they wake those that are left, so that no batch has more to do because many wait for it.
    """
    others = [batch.id, *([] if batch.waited_for is None else [batch.waited_for])]
    _wake(tx, job_batches.c.waits_for.in_(others), limit=MAX_WOKEN)


def wake_late(tx: Transaction, *, among: Sequence[int] | None = None, limit: int) -> None:
    """Have those go on that wait for a batch which is not on its way any more.

    Who begins to wait may do so at the moment at which the other batch comes back, and whoever brought that may
    have died before he woke anybody.
    """
    other = job_batches.alias("other")
    is_on_its_way = sa.exists().where(other.c.id == job_batches.c.waits_for, other.c.state == BatchState.SENT)
    late = job_batches.c.waits_for.is_not(None) & ~is_on_its_way
    _wake(tx, late if among is None else late & job_batches.c.id.in_(among), limit=limit)


def _wake(tx: Transaction, which: sa.ColumnElement[bool], *, limit: int) -> None:
    found = (
        sa.select(job_batches.c.id)
        .where(which)
        .order_by(job_batches.c.waits_for, job_batches.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=job_batches)
        .cte("found")
    )
    tx.execute(
        sa.update(job_batches)
        .where(job_batches.c.id.in_(found.select()))
        .values(waited_for=job_batches.c.waits_for, waits_for=None)
    )


def forget_void(tx: Transaction, *, limit: int) -> int:
    """Remove rows of batches that are not on their way; return how many. Only an older release leaves some."""
    is_on_its_way = sa.exists().where(job_batches.c.id == table.c.batch_id, job_batches.c.state == BatchState.SENT)
    void = sa.select(table.c.image_id, table.c.batch_id).where(~is_on_its_way).limit(limit).cte("void")
    removed = tx.execute(sa.delete(table).where(sa.tuple_(table.c.image_id, table.c.batch_id).in_(void.select())))
    return removed.rowcount
