"""Keep the ledger: each submitted path of a job, and its one outcome."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.catalog.tables import job_items as table
from imagesearch.contract import Outcome
from imagesearch.failures import FailureCode


@dataclass(frozen=True, slots=True)
class Item:
    """Hold one submitted path as planning leaves it: in a batch, with its outcome, or still unplanned."""

    path: str
    image_id: int | None = None
    batch_id: int | None = None
    outcome: Outcome | None = None
    code: FailureCode | None = None
    reason: str | None = None
    labels: Labels = NO_LABELS


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """Hold the outcome of one picture of a batch."""

    image_id: int
    outcome: Outcome
    code: FailureCode | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Describe one failed path of a job; `id` orders the pages."""

    id: int
    path: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class CountedSlice:
    """Hold what was counted of a ledger; `last` is where the next slice begins, None where there is none."""

    total: int
    outcomes: Counter[Outcome]
    last: str | None


def record(tx: Transaction, job_id: str, items: Sequence[Item]) -> tuple[int, Counter[Outcome]]:
    """Write submitted paths, or what planning found out about them.

    A path that has its outcome or its batch already keeps it, so recording a slice twice changes nothing.
    A path given twice is one path. Paths are written in sorted order, so that two writers never deadlock.
    The labels of a path are those that it was submitted with.

    Returns:
        How many paths are new in the job, and the outcomes recorded by this call.
    """
    distinct = {item.path: item for item in items}
    items = [distinct[path] for path in sorted(distinct)]
    rows = tx.execute(
        sa.text(
            "INSERT INTO job_items "
            "(job_id, path, image_id, batch_id, outcome, code, reason, partition, metadata, own_key) "
            "SELECT CAST(:job_id AS uuid), path, image_id, batch_id, outcome, code, reason, partition, "
            "CAST(metadata AS jsonb), own_key FROM unnest(CAST(:paths AS text[]), CAST(:image_ids AS bigint[]), "
            "CAST(:batch_ids AS bigint[]), CAST(:outcomes AS text[]), CAST(:codes AS text[]), "
            "CAST(:reasons AS text[]), CAST(:partitions AS text[]), CAST(:metadata AS text[]), "
            "CAST(:own_keys AS text[])) "
            "AS item (path, image_id, batch_id, outcome, code, reason, partition, metadata, own_key) "
            "ON CONFLICT (job_id, path) DO UPDATE SET image_id = EXCLUDED.image_id, batch_id = EXCLUDED.batch_id, "
            "outcome = EXCLUDED.outcome, code = EXCLUDED.code, reason = EXCLUDED.reason "
            "WHERE job_items.outcome IS NULL AND job_items.batch_id IS NULL "
            # A row that this statement inserted has never been locked or replaced: its xmax is 0.
            "RETURNING outcome, xmax = 0 AS is_new"
        ),
        {
            "job_id": job_id,
            "paths": [item.path for item in items],
            "image_ids": [item.image_id for item in items],
            "batch_ids": [item.batch_id for item in items],
            "outcomes": [item.outcome and item.outcome.value for item in items],
            "codes": [item.code and item.code.value for item in items],
            "reasons": [item.reason for item in items],
            "partitions": [item.labels.partition for item in items],
            "metadata": [_as_json(item.labels) for item in items],
            "own_keys": [item.labels.own_key for item in items],
        },
    ).all()
    outcomes = Counter(Outcome(row.outcome) for row in rows if row.outcome)
    return sum(row.is_new for row in rows), outcomes


def _as_json(labels: Labels) -> str | None:
    return json.dumps(labels.metadata) if labels.metadata is not None else None


_LABELS = (table.c.partition, table.c.metadata, table.c.own_key)
_HAS_LABELS = sa.or_(*(column.is_not(None) for column in _LABELS))


def labels_of(tx: Transaction, job_id: str, paths: Iterable[str]) -> dict[str, Labels]:
    """Return the labels of those paths of a job that were submitted with some."""
    query = sa.select(table.c.path, *_LABELS).where(
        table.c.job_id == job_id,
        table.c.path == sa.func.any(sa.cast(list(paths), sa.ARRAY(sa.Text))),
        _HAS_LABELS,
    )
    return {path: Labels(*labels) for path, *labels in tx.execute(query)}


def labels_in_batch(tx: Transaction, batch_id: int) -> dict[int, Labels]:
    """Return the labels of those pictures of a batch that were submitted with some, by image id."""
    query = sa.select(table.c.image_id, *_LABELS).where(table.c.batch_id == batch_id, _HAS_LABELS)
    return {image_id: Labels(*labels) for image_id, *labels in tx.execute(query)}


def unplanned(tx: Transaction, job_id: str, *, limit: int) -> list[str]:
    """Return paths that were submitted and not yet looked at, in the order of their submission."""
    query = (
        sa.select(table.c.path)
        .where(table.c.job_id == job_id, table.c.outcome.is_(None), table.c.batch_id.is_(None))
        .order_by(table.c.id)
        .limit(limit)
    )
    return list(tx.execute(query).scalars())


def unplanned_images(tx: Transaction, job_id: str, *, limit: int) -> list[tuple[int, str]]:
    """Return ids and paths of images that were submitted and not yet looked at, in the order of submission."""
    query = (
        sa.select(table.c.image_id, table.c.path)
        .where(
            table.c.job_id == job_id,
            table.c.outcome.is_(None),
            table.c.batch_id.is_(None),
            table.c.image_id.is_not(None),
        )
        .order_by(table.c.id)
        .limit(limit)
    )
    return [(row.image_id, row.path) for row in tx.execute(query)]


def reopen(tx: Transaction, job_id: str, paths: Sequence[str]) -> Counter[Outcome]:
    """Make paths of a job unplanned again, because what they name has changed; return their old outcomes."""
    found = sa.select(table.c.id, table.c.outcome).where(
        table.c.job_id == job_id,
        table.c.path == sa.func.any(sa.cast(list(paths), sa.ARRAY(sa.Text))),
        table.c.outcome.is_not(None),
    )
    old = tx.execute(found.order_by(table.c.path).with_for_update()).all()
    tx.execute(
        sa.update(table)
        .where(table.c.id.in_([row.id for row in old]))
        .values(outcome=None, code=None, reason=None, batch_id=None)
    )
    return Counter(row.outcome for row in old)


def open_images(tx: Transaction, batch_id: int) -> set[int]:
    """Return the image ids of a batch that wait for their outcome."""
    query = sa.select(table.c.image_id).where(table.c.batch_id == batch_id, table.c.outcome.is_(None))
    return set(tx.execute(query).scalars())


def settle(tx: Transaction, batch_id: int, settled: Sequence[ItemOutcome]) -> Counter[Outcome]:
    """Record outcomes of a batch's pictures; one that has its outcome keeps it. Return what was recorded."""
    rows = tx.execute(
        sa.text(
            "UPDATE job_items SET outcome = found.outcome, code = found.code, reason = found.reason "
            "FROM unnest(CAST(:image_ids AS bigint[]), CAST(:outcomes AS text[]), CAST(:codes AS text[]), "
            "CAST(:reasons AS text[])) AS found (image_id, outcome, code, reason) "
            "WHERE job_items.batch_id = :batch_id AND job_items.image_id = found.image_id "
            "AND job_items.outcome IS NULL RETURNING job_items.outcome"
        ),
        {
            "batch_id": batch_id,
            "image_ids": [item.image_id for item in settled],
            "outcomes": [item.outcome.value for item in settled],
            "codes": [item.code and item.code.value for item in settled],
            "reasons": [item.reason for item in settled],
        },
    )
    return Counter(Outcome(row.outcome) for row in rows)


def cancel_batch(tx: Transaction, batch_id: int) -> Counter[Outcome]:
    """Record every open picture of a batch as cancelled."""
    return cancel_batches(tx, [batch_id])


def cancel_batches(tx: Transaction, batch_ids: Sequence[int]) -> Counter[Outcome]:
    """Record every open picture of some batches as cancelled."""
    cancelled = tx.execute(
        sa.update(table)
        .where(
            table.c.batch_id == sa.func.any(sa.cast(list(batch_ids), sa.ARRAY(sa.BigInteger))),
            table.c.outcome.is_(None),
        )
        .values(outcome=Outcome.CANCELLED)
    )
    return Counter({Outcome.CANCELLED: cancelled.rowcount})


@dataclass(frozen=True, slots=True)
class ChangedSlice:
    """Hold how many paths a slice has changed, and behind which row the next one begins; None where none does."""

    changed: int
    last: int | None


def cancel_unplanned(tx: Transaction, job_id: str, *, after: int, limit: int) -> ChangedSlice:
    """Record some paths that are in no batch yet as cancelled, from behind the row `after`."""
    some = (
        sa.select(table.c.id)
        .where(
            table.c.job_id == job_id,
            table.c.outcome.is_(None),
            table.c.batch_id.is_(None),
            table.c.id > after,
        )
        .order_by(table.c.id)
        .limit(limit)
    )
    found = list(tx.execute(some.with_for_update()).scalars())
    _set(tx, found, outcome=Outcome.CANCELLED)
    return ChangedSlice(len(found), found[-1] if len(found) == limit else None)


def reopen_failed(tx: Transaction, job_id: str, *, after: int, limit: int) -> ChangedSlice:
    """Make some failed paths unplanned again, from behind the row `after`; lines that name none stay failed."""
    some = (
        sa.select(table.c.id, table.c.code)
        .where(table.c.job_id == job_id, table.c.outcome == Outcome.FAILED, table.c.id > after)
        .order_by(table.c.id)
        .limit(limit)
    )
    found = tx.execute(some.with_for_update()).all()
    reopened = [row.id for row in found if row.code != FailureCode.INVALID_LINE.value]
    _set(tx, reopened, outcome=None, code=None, reason=None, batch_id=None, image_id=None)
    return ChangedSlice(len(reopened), found[-1].id if len(found) == limit else None)


def _set(tx: Transaction, ids: Sequence[int], **values: object) -> None:
    if ids:
        which = table.c.id == sa.func.any(sa.cast(list(ids), sa.ARRAY(sa.BigInteger)))
        tx.execute(sa.update(table).where(which).values(**values))


def failures(tx: Transaction, job_id: str, *, after: int, limit: int) -> list[Failure]:
    """Return failed paths of a job, from behind the one with id `after`."""
    query = (
        sa.select(table.c.id, table.c.path, table.c.code, table.c.reason)
        .where(table.c.job_id == job_id, table.c.outcome == Outcome.FAILED, table.c.id > after)
        .order_by(table.c.id)
        .limit(limit)
    )
    return [Failure(*row) for row in tx.execute(query)]


def count_slice(tx: Transaction, job_id: str, *, after: str, limit: int) -> CountedSlice:
    """Count some of a job's paths and outcomes from the ledger itself, in the order of paths from behind one."""
    some = (
        sa.select(table.c.path, table.c.outcome)
        .where(table.c.job_id == job_id, table.c.path > after)
        .order_by(table.c.path)
        .limit(limit)
        .subquery()
    )
    last = sa.func.max(sa.func.max(some.c.path)).over()
    rows = tx.execute(sa.select(some.c.outcome, sa.func.count(), last).group_by(some.c.outcome)).all()
    total = sum(count for _, count, _ in rows)
    outcomes = Counter({outcome: count for outcome, count, _ in rows if outcome})
    return CountedSlice(total, outcomes, rows[0][2] if total == limit else None)


def holds(tx: Transaction, job_id: str, paths: Sequence[str]) -> set[str]:
    """Return those of the paths that the job submitted."""
    query = sa.select(table.c.path).where(
        table.c.job_id == job_id, table.c.path == sa.func.any(sa.cast(list(paths), sa.ARRAY(sa.Text)))
    )
    return set(tx.execute(query).scalars())
