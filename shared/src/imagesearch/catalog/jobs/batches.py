"""Keep batches: groups of pictures that travel together, and the leases on those that are on their way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import BatchState
from imagesearch.catalog.tables import images, job_items
from imagesearch.catalog.tables import job_batches as table
from imagesearch.contract import ExtractItem


@dataclass(frozen=True, slots=True)
class Batch:
    """Describe one batch row."""

    id: int
    job_id: str
    state: BatchState
    attempts: int
    crashes: int


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


def lease_ready(tx: Transaction, job_id: str, *, in_flight_limit: int, lease: timedelta) -> list[Batch]:
    """Lease as many ready batches as may be in flight, among them one on which workers have died.

    A worker holds several batches at once, and its death counts for each. So those on which workers have died,
    the suspects, go one after another: what kills is then never twice beside the same innocent batch.

    The caller holds the job's row, so two callers never pass the limit together. A batch that another
    transaction holds is passed over.
    """
    sent = (table.c.job_id == job_id, table.c.state == BatchState.SENT)
    on_their_way, suspects = tx.execute(
        sa.select(sa.func.count(), sa.func.count().filter(table.c.crashes > 0)).where(*sent)
    ).one()
    room = max(0, in_flight_limit - on_their_way)
    leased: list[Batch] = []
    if not suspects:
        leased = _lease(tx, job_id, room, lease=lease)
    if suspects or any(batch.crashes for batch in leased):
        # Other suspects may have taken up the room, and it is for those that are none.
        leased += _lease(tx, job_id, room - len(leased), lease=lease, with_suspect=False)
    return sorted(leased, key=lambda batch: batch.id)


def _lease(tx: Transaction, job_id: str, room: int, *, lease: timedelta, with_suspect: bool = True) -> list[Batch]:
    """Lease those of the first ready batches that are no suspects, and the first suspect among them."""
    first = sa.select(table.c.id, table.c.crashes).where(
        table.c.job_id == job_id, table.c.state == BatchState.READY
    )
    if not with_suspect:
        first = first.where(table.c.crashes == 0)
    ready = first.order_by(table.c.id).limit(room).with_for_update(skip_locked=True, key_share=True).cte("ready")
    suspect = sa.select(sa.func.min(ready.c.id)).where(ready.c.crashes > 0)
    chosen = sa.select(ready.c.id).where(sa.or_(ready.c.crashes == 0, ready.c.id == suspect.scalar_subquery()))
    leased = tx.execute(
        sa.update(table)
        .where(table.c.id.in_(chosen))
        .values(state=BatchState.SENT, attempts=table.c.attempts + 1, leased_until=sa.func.now() + lease)
        .returning(*_COLUMNS)
    )
    return [Batch(*row) for row in leased]


def lease_again(tx: Transaction, batch_ids: Sequence[int], *, lease: timedelta) -> None:
    """Make the leases of batches that are on their way last longer."""
    tx.execute(
        sa.update(table)
        .where(table.c.id.in_(batch_ids), table.c.state == BatchState.SENT)
        .values(leased_until=sa.func.now() + lease)
    )


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
    """End a batch as done or cancelled."""
    tx.execute(sa.update(table).where(table.c.id == batch_id).values(state=state, leased_until=None))


def open_ids(tx: Transaction, job_id: str) -> list[int]:
    """Return the batches of a job that have not ended."""
    query = sa.select(table.c.id).where(
        table.c.job_id == job_id, table.c.state.in_((BatchState.READY, BatchState.SENT))
    )
    return list(tx.execute(query.order_by(table.c.id)).scalars())


def expired(tx: Transaction, *, limit: int) -> list[Batch]:
    """Return batches on their way whose lease has run out, oldest lease first."""
    query = (
        sa.select(*_COLUMNS)
        .where(table.c.state == BatchState.SENT, table.c.leased_until < sa.func.now())
        .order_by(table.c.leased_until)
        .limit(limit)
    )
    return [Batch(*row) for row in tx.execute(query)]


def make_ready(tx: Transaction, batch_id: int, *, crashes: int) -> None:
    """Take a batch back from wherever it was lost, so that it is dispatched again; note its crashes."""
    tx.execute(
        sa.update(table)
        .where(table.c.id == batch_id, table.c.state == BatchState.SENT)
        .values(state=BatchState.READY, leased_until=None, crashes=crashes)
    )


def carry_over(tx: Transaction, batch: Batch, image_ids: Iterable[int]) -> None:
    """Move open pictures of a batch, which are to be read again, to a new one."""
    [made] = create(tx, batch.job_id, 1)
    _move(tx, batch, made, image_ids)


def split(tx: Transaction, batch: Batch, image_ids: Sequence[int], *, crashes: int) -> None:
    """Divide a batch's open pictures among two new batches and close it.

    A part of several pictures starts with `crashes`, a single picture with one: both are suspects.
    """
    half = len(image_ids) // 2
    parts = [list(image_ids[:half]), list(image_ids[half:])]
    made = create(tx, batch.job_id, len(parts))
    for batch_id, part in zip(made, parts, strict=True):
        tx.execute(sa.update(table).where(table.c.id == batch_id).values(crashes=crashes if len(part) > 1 else 1))
        _move(tx, batch, batch_id, part)
    close(tx, batch.id)


def _move(tx: Transaction, batch: Batch, to_id: int, image_ids: Iterable[int]) -> None:
    tx.execute(
        sa.update(job_items)
        .where(
            job_items.c.batch_id == batch.id,
            job_items.c.image_id.in_(sorted(image_ids)),
            job_items.c.outcome.is_(None),
        )
        .values(batch_id=to_id)
    )
