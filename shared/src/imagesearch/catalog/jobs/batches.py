"""Keep batches: groups of pictures that travel together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import BatchState
from imagesearch.catalog.tables import images, job_items, sent_images
from imagesearch.catalog.tables import job_batches as table
from imagesearch.contract import ExtractItem


@dataclass(frozen=True, slots=True)
class Batch:
    """Describe one batch row.

    Attributes:
        queue: where it was sent last; None where its sender had the answer.
        waited_for: the batch of another job that had its pictures, and has come back.
    """

    id: int
    job_id: str
    state: BatchState
    attempts: int
    crashes: int
    queue: str | None
    waited_for: int | None


_COLUMNS = columns_of(table, Batch)


def create(tx: Transaction, job_id: str, number: int) -> list[int]:
    """Create `number` empty batches in state ready and return their ids in order."""
    if not number:
        return []
    rows = tx.execute(
        sa.text(
            "INSERT INTO job_batches (job_id) "
            "SELECT CAST(:job_id AS uuid) FROM generate_series(1, :number) RETURNING id"
        ),
        {"job_id": job_id, "number": number},
    )
    return sorted(row.id for row in rows)


def lock(tx: Transaction, batch_id: int) -> Batch | None:
    """Lock a batch until the transaction ends and return it; None when it is gone."""
    row = tx.execute(
        sa.select(*_COLUMNS).where(table.c.id == batch_id).with_for_update(key_share=True)
    ).one_or_none()
    return Batch(*row) if row is not None else None


def extract_items(tx: Transaction, batch_id: int, *, anew: bool = False) -> tuple[ExtractItem, ...]:
    """Return the open pictures of a batch as an extractor needs them.

    The version of the row and the digest of what is indexed go along, so that bytes that were read too early are
    noticed, and a file that was only touched costs no inference.

    Args:
        tx: the transaction.
        batch_id: the batch.
        anew: every picture is to be extracted, whatever is indexed.
    """
    waiting = sa.select(job_items.c.image_id).where(
        job_items.c.batch_id == batch_id, job_items.c.outcome.is_(None)
    )
    query = (
        sa.select(images.c.id, images.c.path, images.c.sha256, images.c.vector_key, images.c.version)
        # No join: a picture that was submitted under several names is extracted once.
        .where(images.c.id.in_(waiting))
        .order_by(images.c.id)
    )
    return tuple(
        ExtractItem(
            image_id=row.id,
            path=row.path,
            known_sha256=None if anew or row.vector_key is None else row.sha256,
            expected_version=row.version,
        )
        for row in tx.execute(query)
    )


def close(tx: Transaction, batch_id: int, state: BatchState = BatchState.DONE) -> None:
    """End a batch as done or cancelled; its pictures are not on their way any more."""
    _forget_sent(tx, batch_id)
    tx.execute(sa.update(table).where(table.c.id == batch_id).values(state=state, leased_until=None))


def lock_open(tx: Transaction, job_id: str, *, after: int = 0, limit: int) -> dict[int, BatchState]:
    """Lock some batches of a job that have not ended, and return their states; one being written is waited for."""
    query = sa.select(table.c.id, table.c.state).where(
        table.c.job_id == job_id, table.c.state.in_((BatchState.READY, BatchState.SENT)), table.c.id > after
    )
    locked = query.order_by(table.c.id).limit(limit).with_for_update(key_share=True)
    return {row.id: row.state for row in tx.execute(locked)}


def cancel(tx: Transaction, batch_ids: Sequence[int]) -> None:
    """End batches, which are locked, as cancelled."""
    which = table.c.id == sa.func.any(sa.cast(list(batch_ids), sa.ARRAY(sa.BigInteger)))
    tx.execute(sa.update(table).where(which).values(state=BatchState.CANCELLED, leased_until=None))


def make_ready(tx: Transaction, batch_id: int, *, crashes: int) -> None:
    """Take a batch back from wherever it was lost, so that it is dispatched again; note its crashes."""
    _forget_sent(tx, batch_id)
    tx.execute(
        sa.update(table)
        .where(table.c.id == batch_id, table.c.state == BatchState.SENT)
        .values(state=BatchState.READY, leased_until=None, crashes=crashes)
    )


def carry_over(tx: Transaction, batch: Batch, image_ids: Iterable[int]) -> None:
    """Move open pictures of a batch, which are to be read again, to a new one."""
    [made] = create(tx, batch.job_id, 1)
    move_open(tx, batch, made, image_ids)


def split(tx: Transaction, batch: Batch, image_ids: Sequence[int], *, crashes: int) -> None:
    """Divide a batch's open pictures among two new batches and close it.

    A part of several pictures starts with `crashes`, a single picture with one: both are suspects.
    """
    half = len(image_ids) // 2
    parts = [list(image_ids[:half]), list(image_ids[half:])]
    made = create(tx, batch.job_id, len(parts))
    for batch_id, part in zip(made, parts, strict=True):
        tx.execute(sa.update(table).where(table.c.id == batch_id).values(crashes=crashes if len(part) > 1 else 1))
        move_open(tx, batch, batch_id, part)
    close(tx, batch.id)


def _forget_sent(tx: Transaction, batch_id: int) -> None:
    tx.execute(sa.delete(sent_images).where(sent_images.c.batch_id == batch_id))


def move_open(tx: Transaction, batch: Batch, to_id: int, image_ids: Iterable[int]) -> None:
    """Move open pictures of a batch to another one of its job."""
    tx.execute(
        sa.update(job_items)
        .where(
            job_items.c.batch_id == batch.id,
            job_items.c.image_id.in_(sorted(image_ids)),
            job_items.c.outcome.is_(None),
        )
        .values(batch_id=to_id)
    )
