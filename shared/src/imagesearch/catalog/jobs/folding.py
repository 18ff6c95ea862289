"""Fold the ledger of a job away that ended long ago: what says nothing goes, failures and counters stay.

How many paths of each outcome are gone is kept with the job, so that what is left can be counted as well.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import rows
from imagesearch.catalog.jobs.job import Job
from imagesearch.catalog.tables import job_batches, job_items
from imagesearch.catalog.tables import jobs as table
from imagesearch.contract import Outcome


def next_due(tx: Transaction, age: timedelta) -> str | None:
    """Return a job that ended longer ago than `age` and whose ledger has not been folded, or None."""
    return tx.execute(sa.select(table.c.id).where(*_is_due(age)).order_by(table.c.finished_at).limit(1)).scalar()


def count_due(tx: Transaction, age: timedelta, *, most: int) -> int:
    """Return how many such jobs there are, or `most` where there are more."""
    some = sa.select(table.c.id).where(*_is_due(age)).limit(most).subquery()
    return tx.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def _is_due(age: timedelta) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.folded_at.is_(None), table.c.finished_at < sa.func.now() - age)


def count_folded(tx: Transaction, job: Job, outcomes: Counter[Outcome]) -> None:
    """Count paths of a job, whose row is locked, that are not written to its ledger at all."""
    folded = Counter(job.folded) + Counter({outcome.value: number for outcome, number in outcomes.items()})
    rows.change(tx, job.id, folded=dict(folded))


def fold_slice(tx: Transaction, job: Job, *, after: str, limit: int) -> str | None:
    """Fold some paths of a job away, whose row is locked; return behind which to go on, None behind the last."""
    some = (
        sa.select(job_items.c.id, job_items.c.path, job_items.c.outcome)
        .where(job_items.c.job_id == job.id, job_items.c.path > after)
        .order_by(job_items.c.path)
        .limit(limit)
    )
    found = tx.execute(some).all()
    failed = [row.id for row in found if row.outcome in (Outcome.FAILED, None)]
    gone = [row for row in found if row.outcome not in (Outcome.FAILED, None)]
    if failed:
        # Batches go as well.
        tx.execute(sa.update(job_items).where(_among(job_items, failed)).values(batch_id=None))
    if gone:
        tx.execute(sa.delete(job_items).where(_among(job_items, [row.id for row in gone])))
        folded = Counter(job.folded) + Counter(str(row.outcome) for row in gone)
        rows.change(tx, job.id, folded=dict(folded))
    return found[-1].path if len(found) == limit else None


def remove_batches(tx: Transaction, job_id: str, *, limit: int) -> int:
    """Remove some batches of a job whose paths are all folded; return how many."""
    some = sa.select(job_batches.c.id).where(job_batches.c.job_id == job_id).limit(limit)
    return tx.execute(sa.delete(job_batches).where(job_batches.c.id.in_(some.scalar_subquery()))).rowcount


def end(tx: Transaction, job_id: str) -> None:
    """Record that the ledger of a job has been folded, until somebody has its failed paths tried again."""
    rows.change(tx, job_id, folded_at=sa.func.now())


def _among(of: sa.Table, ids: list[int]) -> sa.ColumnElement[bool]:
    return of.c.id == sa.func.any(sa.cast(ids, sa.ARRAY(sa.BigInteger)))
