"""Keep what exports have come to: their parts, what describes them, and how long they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import CollectionState
from imagesearch.catalog.tables import collections, export_parts, exports, jobs
from imagesearch.errors import NotFound

FORGET_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Export:
    """Describe an export.

    Attributes:
        about: of the collection, so that whoever reads the vectors knows what made them.
        parts: how many there are; `rows` and `bytes` are of all of them together.
        removed_at: since when nobody is to have it any longer.
    """

    job_id: str
    about: dict[str, Any]
    parts: int
    rows: int
    bytes: int
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExportPart:
    """Describe one file of an export; the first is number 1."""

    number: int
    name: str
    rows: int
    bytes: int
    sha256: str


_EXPORT = columns_of(exports, Export)
_PART = columns_of(export_parts, ExportPart)


def create(tx: Transaction, job_id: str) -> None:
    """Write the row of a new job's export."""
    tx.execute(sa.insert(exports).values(job_id=job_id))


def get(tx: Transaction, job_id: str) -> Export:
    """Return the export of a job.

    Raises:
        NotFound: the job has none.
    """
    row = tx.execute(sa.select(*_EXPORT).where(exports.c.job_id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"Job {job_id} exports nothing.")
    return Export(*row)


def add_part(tx: Transaction, job_id: str, part: ExportPart, about: Mapping[str, Any]) -> None:
    """Record the next part of an export, whose job is locked."""
    tx.execute(
        sa.insert(export_parts).values(
            job_id=job_id,
            number=part.number,
            name=part.name,
            rows=part.rows,
            bytes=part.bytes,
            sha256=part.sha256,
        )
    )
    describe(tx, job_id, about)
    tx.execute(
        sa.update(exports)
        .where(exports.c.job_id == job_id)
        .values(parts=exports.c.parts + 1, rows=exports.c.rows + part.rows, bytes=exports.c.bytes + part.bytes)
    )


def describe(tx: Transaction, job_id: str, about: Mapping[str, Any]) -> None:
    """Record what an export is of."""
    tx.execute(sa.update(exports).where(exports.c.job_id == job_id).values(about=dict(about)))


def parts(tx: Transaction, job_id: str, *, after: int, limit: int) -> list[ExportPart]:
    """Return parts of an export, from behind the one with the number `after`."""
    query = sa.select(*_PART).where(export_parts.c.job_id == job_id, export_parts.c.number > after)
    return [ExportPart(*row) for row in tx.execute(query.order_by(export_parts.c.number).limit(limit))]


def remove(tx: Transaction, job_id: str) -> None:
    """Say that nobody is to have an export any longer; its files are removed later."""
    is_kept = exports.c.removed_at.is_(None)
    tx.execute(sa.update(exports).where(exports.c.job_id == job_id, is_kept).values(removed_at=sa.func.now()))


def due(tx: Transaction, age: timedelta, *, limit: int) -> list[str]:
    """Return jobs that have ended and whose files are to be removed.

    Those that nobody is to have, that ended longer ago than `age`, or whose collection is being deleted. The
    exports that have files are few, whatever the number of jobs.
    """
    is_due = sa.or_(
        exports.c.removed_at.is_not(None),
        jobs.c.finished_at < sa.func.now() - age,
        collections.c.state != CollectionState.ACTIVE,
    )
    query = (
        sa.select(exports.c.job_id)
        .join(jobs, jobs.c.id == exports.c.job_id)
        .join(collections, collections.c.id == jobs.c.collection_id)
        .where(exports.c.cleared_at.is_(None), jobs.c.finished_at.is_not(None), is_due)
    )
    return list(tx.execute(query.limit(limit)).scalars())


def cleared(tx: Transaction, job_id: str) -> None:
    """Record that the files of an export are gone, of which nobody is told from then on."""
    now = sa.func.now()
    removed_at = sa.func.coalesce(exports.c.removed_at, now)
    tx.execute(sa.update(exports).where(exports.c.job_id == job_id).values(removed_at=removed_at, cleared_at=now))


def forget_parts(tx: Transaction, job_id: str) -> bool:
    """Forget some parts of an export; return whether none is left."""
    some = sa.select(export_parts.c.number).where(export_parts.c.job_id == job_id).limit(FORGET_PARTS)
    gone = sa.delete(export_parts).where(
        export_parts.c.job_id == job_id, export_parts.c.number.in_(some.scalar_subquery())
    )
    return tx.execute(gone).rowcount < FORGET_PARTS


def cleared_among(tx: Transaction, job_ids: Iterable[str]) -> set[str]:
    """Return those of the jobs whose files are known to be gone."""
    wanted = sa.cast(sorted(job_ids), sa.ARRAY(exports.c.job_id.type))
    query = sa.select(exports.c.job_id).where(
        exports.c.job_id == sa.func.any(wanted), exports.c.cleared_at.is_not(None)
    )
    return set(tx.execute(query).scalars())
