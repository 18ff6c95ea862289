"""Read and write the rows of jobs.

`change` is for the modules of this folder: what moves a job from state to state is a transition, what moves its
numbers is a counter.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch import tracing
from imagesearch.access.tenants import NOBODY, Owner
from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs.job import IdempotencyKey, Job, NewJob
from imagesearch.catalog.jobs.selection import EVERY_JOB, Selection
from imagesearch.catalog.states import CollectionState, JobOrigin
from imagesearch.catalog.tables import collections
from imagesearch.catalog.tables import jobs as table
from imagesearch.contract import JobKind, JobState
from imagesearch.errors import ImageSearchError, NotFound

_COLUMNS = columns_of(table, Job, collection=collections.c.name)
_OF_COLLECTION = collections.c.id == table.c.collection_id
_SELECT = sa.select(*_COLUMNS).join(collections, _OF_COLLECTION)


class KeyTaken(ImageSearchError):
    """A job has the idempotency key already; whatever was written for another one is to be rolled back.

    Attributes:
        job: the one that has it.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id} has this idempotency key")
        self.job = job


def create(tx: Transaction, collection_id: int, job: NewJob) -> Job:
    """Write a job in state planning and return it.

    Raises:
        KeyTaken: its idempotency key has been used, perhaps while this transaction waited for another.
    """
    key, bounds = job.idempotency_key, job.owner.tenancy
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
            state=JobState.PLANNING,
            manifest=job.manifest,
            listed_at=sa.func.now() if job.is_list else None,
            progressed_at=sa.func.now(),
            idempotency_scope=key and key.scope,
            idempotency_key=key and key.key,
            request_sha256=job.request_sha256,
            api_key_id=job.owner.key_id,
            bound_partition=bounds.partition,
            bound_roots=None if bounds.roots is None else list(bounds.roots),
            traceparent=tracing.traceparent(),
            callback_url=job.callback_url,
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


def by_key(tx: Transaction, key: IdempotencyKey) -> Job | None:
    """Return the job that was made under a key, whatever became of its collection; None if there is none."""
    query = _SELECT.where(table.c.idempotency_scope == key.scope, table.c.idempotency_key == key.key)
    return next(iter(_jobs(tx, query)), None)


def get(tx: Transaction, job_id: str, owner: Owner = NOBODY) -> Job:
    """Return a job.

    Raises:
        NotFound: there is none of that id within the owner's reach.
    """
    return _only(_jobs(tx, _SELECT.where(table.c.id == job_id, *_reached_by(owner))), job_id)


def _reached_by(owner: Owner) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on jobs that an owner may see.

    The jobs of a collection that is gone are those of who submitted them: somebody else may have its name by now.
    What a job found out about paths may go beyond a partition or directories unless it was bound to them itself.
    """
    bounds = owner.tenancy
    conditions: list[sa.ColumnElement[bool]] = []
    if bounds.collections is not None:
        is_mine = sa.or_(collections.c.state == CollectionState.ACTIVE, table.c.api_key_id == owner.key_id)
        conditions += [collections.c.name.in_(bounds.collections), is_mine]
    if bounds.partition is not None:
        conditions.append(table.c.bound_partition == bounds.partition)
    if bounds.roots is not None:
        conditions.append(table.c.bound_roots.contained_by(list(bounds.roots)))
    return conditions


def lock(tx: Transaction, job_id: str, owner: Owner = NOBODY) -> Job:
    """Lock a job's row until the transaction ends and return it.

    Raises:
        NotFound: there is none of that id within the owner's reach.
    """
    query = _SELECT.where(table.c.id == job_id, *_reached_by(owner)).with_for_update(of=table, key_share=True)
    return _only(_jobs(tx, query), job_id)


def newest(
    tx: Transaction,
    *,
    limit: int,
    before: int | None = None,
    origin: JobOrigin | None = None,
    owner: Owner = NOBODY,
    api_key_id: str | None = None,
    selection: Selection = EVERY_JOB,
) -> list[Job]:
    """Return jobs, newest first, from behind the job numbered `before`; none of single pictures.

    Args:
        tx: the transaction.
        limit: the most jobs.
        before: the number; None begins with the newest.
        origin: only jobs of this one.
        owner: only what is within its reach.
        api_key_id: only what was submitted under this key.
        selection: only what it chooses.
    """
    query = newest_of(selection, limit=limit).where(*_reached_by(owner))
    if api_key_id is not None:
        query = query.where(table.c.api_key_id == api_key_id)
    if before is not None:
        query = query.where(table.c.number < before)
    if origin is not None:
        query = query.where(table.c.origin == origin)
    return _jobs(tx, query)


def newest_of(selection: Selection, *, limit: int) -> sa.Select[Any]:
    """Return the query for the newest jobs of a selection; none of single pictures."""
    query = _SELECT.order_by(table.c.number.desc()).limit(limit)
    return query.where(table.c.origin != JobOrigin.SINGLE_IMAGE, *selection.conditions())


def open_jobs(tx: Transaction, *, behind: int = 0, limit: int | None = None) -> list[Job]:
    """Return jobs that have not ended, oldest first, from behind the one numbered `behind`; None is no bound."""
    query = _SELECT.where(table.c.finished_at.is_(None), table.c.number > behind).order_by(table.c.number)
    return _jobs(tx, query.limit(limit))


def count_open_by_collection(tx: Transaction, origin: JobOrigin) -> dict[int, int]:
    """Return how many jobs of an origin have not ended, by collection; those without any are left out."""
    query = sa.select(table.c.collection_id, sa.func.count()).where(
        table.c.finished_at.is_(None), table.c.origin == origin
    )
    return {row[0]: row[1] for row in tx.execute(query.group_by(table.c.collection_id))}


def count_open(tx: Transaction, *, limit: int) -> Counter[tuple[JobKind, JobState]]:
    """Return how many jobs have not ended, by kind and state; no more than `limit` are looked at."""
    some = sa.select(table.c.kind, table.c.state).where(table.c.finished_at.is_(None)).limit(limit).subquery()
    query = sa.select(some.c.kind, some.c.state, sa.func.count()).group_by(some.c.kind, some.c.state)
    return Counter({(kind, state): count for kind, state, count in tx.execute(query)})


def count_stalled(tx: Transaction) -> int:
    """Return how many jobs that have not ended are flagged because they stand still."""
    query = sa.select(sa.func.count()).where(table.c.finished_at.is_(None), table.c.stalled_at.is_not(None))
    return tx.execute(query).scalar_one()


def change(tx: Transaction, job_id: str, **values: Any) -> Job:
    """Change columns of a job, move its revision on, and return it.

    Raises:
        NotFound: there is none of that id.
    """
    return _only(change_all(tx, table.c.id == job_id, **values), job_id)


def change_all(tx: Transaction, *which: sa.ColumnElement[bool], **values: Any) -> list[Job]:
    """Change columns of the jobs that meet the conditions, move their revisions on; return them, oldest first."""
    changed = (
        sa.update(table)
        .where(_OF_COLLECTION, *which)
        .values(revision=table.c.revision + 1, **values)
        .returning(*_COLUMNS)
    )
    return sorted(_jobs(tx, changed), key=lambda job: job.number)


def _jobs(tx: Transaction, statement: sa.Executable) -> list[Job]:
    return [Job(*row) for row in tx.execute(statement)]


def _only(found: list[Job], job_id: str) -> Job:
    if not found:
        raise NotFound(f"There is no job {job_id}.")
    return found[0]
