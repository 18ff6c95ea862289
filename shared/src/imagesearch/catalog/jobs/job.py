"""Keep jobs: what was asked, how far it is, and in which state."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog.tables import collections
from imagesearch.catalog.tables import jobs as table
from imagesearch.contract import JobState, Outcome
from imagesearch.errors import ImageSearchError, NotFound
from imagesearch.messaging.progress import JobProgress

INDEX, REINDEX, DUPLICATES = "index", "reindex", "duplicates"
"""Kinds of jobs."""
SINGLE_IMAGE = "single"
"""Origin of jobs that are not listed: there is one for every upload and every change of one picture."""
REPAIR = "repair"
"""Origin of jobs that index again what lost its vector."""


@dataclass(frozen=True, slots=True)
class Job:
    """Describe one job row.

    Attributes:
        kind: `INDEX`, `REINDEX` or `DUPLICATES`.
        options: what a job that does not index was asked for.
        directory: the source; None for a manifest, and for a list of paths that the ledger itself holds.
        manifest: a file that lists the pictures.
        partition: given to every picture of the job; None leaves what a picture has.
        metadata: given to every picture of the job; None or empty leaves what a picture has.
        listed_at: when the whole source was in the ledger.
        planned_at: when every path in the ledger had its batch or its outcome.
        finished_at: when every path had its outcome and the vectors were searchable.
    """

    id: str
    number: int
    collection_id: int
    collection: str
    origin: str
    kind: str
    options: dict[str, Any] | None
    directory: str | None
    manifest: str | None
    recursive: bool
    partition: str | None
    metadata: dict[str, Any] | None
    prune: bool
    state: JobState
    error: str | None
    total: int
    indexed: int
    unchanged: int
    failed: int
    cancelled: int
    removed: int
    rate: float | None
    revision: int
    planned_up_to: str | None
    listed_at: datetime | None
    planned_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    progressed_at: datetime | None
    stalled_at: datetime | None
    finished_at: datetime | None
    request_sha256: str | None

    @property
    def done(self) -> int:
        """Return how many paths have reached their outcome."""
        return self.indexed + self.unchanged + self.failed + self.cancelled

    @property
    def outcomes(self) -> Counter[Outcome]:
        """Return the counters by outcome, without those that are zero."""
        counts = {
            Outcome.INDEXED: self.indexed,
            Outcome.UNCHANGED: self.unchanged,
            Outcome.FAILED: self.failed,
            Outcome.CANCELLED: self.cancelled,
        }
        return Counter({outcome: count for outcome, count in counts.items() if count})

    @property
    def all_settled(self) -> bool:
        """Tell whether no path waits for its outcome and none will be added."""
        listed = self.planned_at is not None or self.state == JobState.CANCELLED
        return listed and self.done == self.total

    @property
    def needs_planner(self) -> bool:
        """Tell whether the job stands still unless somebody plans it."""
        goes_on = self.kind != INDEX and self.state == JobState.RUNNING and self.planned_at is None
        return self.state == JobState.PLANNING or goes_on

    def progress(self) -> JobProgress:
        """Return the counters as they are published."""
        return JobProgress(
            job_id=self.id,
            collection=self.collection,
            directory=self.directory or self.manifest,
            state=self.state,
            total=self.total,
            indexed=self.indexed,
            unchanged=self.unchanged,
            failed=self.failed,
            cancelled=self.cancelled,
            removed=self.removed,
            rate=self.rate,
            stalled=self.stalled_at is not None,
            error=self.error,
            created_at=self.created_at.timestamp(),
            started_at=_seconds(self.started_at),
            finished_at=_seconds(self.finished_at),
            revision=self.revision,
            published_at=time.time(),
            kind=self.kind,
        )

    @classmethod
    def from_row(cls, row: sa.Row[Any]) -> Self:
        """Build a job from a row of `select_jobs`."""
        values = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**{**values, "state": JobState(row.state)})


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment is not None else None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Name a request that may come again: by a key that is unique within its scope, the operation asked for."""

    scope: str
    key: str


@dataclass(frozen=True, slots=True)
class NewJob:
    """Hold what a caller asks for; see `Job` for the fields."""

    id: str
    origin: str
    directory: str | None
    recursive: bool = True
    partition: str | None = None
    metadata: dict[str, Any] | None = None
    prune: bool = False
    idempotency_key: IdempotencyKey | None = None
    request_sha256: str | None = None
    kind: str = INDEX
    options: dict[str, Any] | None = None
    manifest: str | None = None

    @property
    def is_list(self) -> bool:
        """Tell whether the job's paths are written to the ledger together with it."""
        return self.kind == INDEX and self.directory is None and self.manifest is None


def select_jobs() -> sa.Select[Any]:
    """Return the query from which `Job.from_row` reads."""
    names = [name for name in Job.__dataclass_fields__ if name != "collection"]
    return sa.select(*(table.c[name] for name in names), collections.c.name.label("collection")).join(
        collections, collections.c.id == table.c.collection_id
    )


class KeyTaken(ImageSearchError):
    """A job has the idempotency key already; whatever was written for another one is to be rolled back.

    Attributes:
        job: the one that has it.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id} has this idempotency key")
        self.job = job


def create(tx: sa.Connection, collection_id: int, job: NewJob) -> Job:
    """Write a job in state planning and return it.

    Raises:
        KeyTaken: its idempotency key has been used, perhaps while this transaction waited for another.
    """
    key = job.idempotency_key
    made = tx.execute(
        insert(table)
        .values(
            id=job.id,
            collection_id=collection_id,
            origin=job.origin,
            kind=job.kind,
            options=job.options,
            directory=job.directory,
            recursive=job.recursive,
            partition=job.partition,
            metadata=job.metadata,
            prune=job.prune,
            state=JobState.PLANNING.value,
            manifest=job.manifest,
            listed_at=sa.func.now() if job.is_list else None,
            progressed_at=sa.func.now(),
            idempotency_scope=key and key.scope,
            idempotency_key=key and key.key,
            request_sha256=job.request_sha256,
        )
        .on_conflict_do_nothing(
            index_elements=["idempotency_scope", "idempotency_key"],
            index_where=table.c.idempotency_key.is_not(None),
        )
    )
    earlier = by_key(tx, key) if key is not None and not made.rowcount else None
    if earlier is not None:
        raise KeyTaken(earlier)
    return get(tx, job.id)


def by_key(tx: sa.Connection, key: IdempotencyKey) -> Job | None:
    """Return the job that was made under a key, whatever became of its collection; None if there is none."""
    query = select_jobs().where(table.c.idempotency_scope == key.scope, table.c.idempotency_key == key.key)
    row = tx.execute(query).one_or_none()
    return Job.from_row(row) if row is not None else None


def get(tx: sa.Connection, job_id: str) -> Job:
    """Return a job.

    Raises:
        NotFound: there is none of that id.
    """
    row = tx.execute(select_jobs().where(table.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return Job.from_row(row)


def lock(tx: sa.Connection, job_id: str) -> Job:
    """Lock a job's row until the transaction ends and return it.

    Raises:
        NotFound: there is none of that id.
    """
    query = select_jobs().where(table.c.id == job_id).with_for_update(of=table, key_share=True)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return Job.from_row(row)


def newest(tx: sa.Connection, *, limit: int, before: int | None = None, origin: str | None = None) -> list[Job]:
    """Return jobs, newest first, from behind the job numbered `before`; none of single pictures."""
    query = select_jobs().order_by(table.c.number.desc()).limit(limit).where(table.c.origin != SINGLE_IMAGE)
    if before is not None:
        query = query.where(table.c.number < before)
    if origin is not None:
        query = query.where(table.c.origin == origin)
    return [Job.from_row(row) for row in tx.execute(query)]


def open_jobs(tx: sa.Connection) -> list[Job]:
    """Return every job that has not ended, oldest first."""
    query = select_jobs().where(table.c.finished_at.is_(None)).order_by(table.c.number)
    return [Job.from_row(row) for row in tx.execute(query)]


def change(tx: sa.Connection, job_id: str, **values: Any) -> Job:
    """Change columns of a job, move its revision on, and return it."""
    tx.execute(sa.update(table).where(table.c.id == job_id).values(revision=table.c.revision + 1, **values))
    return get(tx, job_id)
