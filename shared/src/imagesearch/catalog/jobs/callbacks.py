"""Keep who is to be told of the end of jobs, until they have been told or cannot be.

A callback is written in the transaction that ends its job. An attempt is counted before it is made, and has a
lease: where its process is killed, another one makes the next. So an event may come twice, and is not lost.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs.job import Job
from imagesearch.catalog.states import CallbackState
from imagesearch.catalog.tables import callback_attempts as attempt_table
from imagesearch.catalog.tables import callbacks as table
from imagesearch.outgoing.urls import host_of, port_of

JOB_ENDED = "job.ended"
_IN_BODY = ("state", "total", "indexed", "unchanged", "failed", "cancelled", "removed", "error")


@dataclass(frozen=True, slots=True)
class Callback:
    """Describe somebody who is to be told of an end, or was.

    Attributes:
        event_id: the same with each attempt.
        attempts: how many were begun.
        due_at: when the next one is to be made.
    """

    id: int
    event_id: str
    job_id: str
    url: str
    body: str
    state: CallbackState
    attempts: int
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Say what came of an attempt: the status of an answer, or why there was none."""

    number: int
    at: datetime
    status: int | None
    error: str | None
    seconds: float


_COLUMNS = columns_of(table, Callback)


def enqueue(tx: Transaction, job: Job) -> None:
    """Note that somebody is to be told that a job has ended, in the transaction that ends it."""
    if job.callback_url is None:
        return
    # As it was checked, so that two ways to write one host are one.
    target = urlsplit(job.callback_url)
    host = f"{host_of(target)}:{port_of(target)}"
    tx.execute(sa.insert(table).values(job_id=job.id, url=job.callback_url, host=host, body=body_of(job)))


def body_of(job: Job) -> str:
    """Return what is sent about a job that has ended: its names and numbers are those of `GET /jobs/{id}`."""
    said: dict[str, Any] = {"id": job.id, "kind": job.kind, "collection": job.collection}
    said |= {name: getattr(job, name) for name in _IN_BODY}
    moments = {"created_at": job.created_at, "started_at": job.started_at, "finished_at": job.finished_at}
    said |= {name: _shown(moment) for name, moment in moments.items()}
    return json.dumps({"type": JOB_ENDED, "timestamp": said["finished_at"], "data": said})


def claim(tx: Transaction, lease: timedelta) -> Callback | None:
    """Count an attempt at the callback that has been due the longest, and return it; None where none is due.

    While an attempt at a host is under way, that host gets no other: the slow one keeps only itself waiting.
    """
    now = sa.func.now()
    busy = table.alias("busy")
    under_way = sa.exists().where(
        busy.c.host == table.c.host, busy.c.state == CallbackState.WAITING, busy.c.leased_until > now
    )
    due = (
        sa.select(table.c.id)
        .where(table.c.state == CallbackState.WAITING, table.c.due_at <= now, ~under_way)
        .order_by(table.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=table)
    )
    claimed = (
        sa.update(table)
        .where(table.c.id == due.scalar_subquery())
        .values(attempts=table.c.attempts + 1, leased_until=now + lease, due_at=now + lease)
        .returning(*_COLUMNS)
    )
    row = tx.execute(claimed).one_or_none()
    return Callback(*row) if row is not None else None


def delivered(tx: Transaction, callback: Callback, attempt: Attempt) -> None:
    """Record that somebody has been told."""
    _log(tx, callback, attempt)
    # Whoever has been told stays told, however late that is recorded.
    _end(tx, callback, CallbackState.DELIVERED, table.c.state != CallbackState.DELIVERED)


def given_up(tx: Transaction, callback: Callback, attempt: Attempt) -> None:
    """Record an attempt behind which there is no other."""
    _log(tx, callback, attempt)
    _end(tx, callback, CallbackState.GIVEN_UP, table.c.state == CallbackState.WAITING)


def put_off(
    tx: Transaction, callback: Callback, attempt: Attempt, delay: timedelta, *, patience: timedelta
) -> None:
    """Record an attempt that failed: the next one is due after some time, unless that is too long after the end.

    Where another one has begun meanwhile, because this one took longer than its lease, it says how it goes on.
    """
    _log(tx, callback, attempt)
    due_at = sa.func.now() + delay
    goes_on = due_at <= table.c.created_at + patience
    tx.execute(
        sa.update(table)
        .where(
            table.c.id == callback.id,
            table.c.attempts == callback.attempts,
            table.c.state == CallbackState.WAITING,
        )
        .values(
            state=sa.case((goes_on, CallbackState.WAITING), else_=CallbackState.GIVEN_UP),
            ended_at=sa.case((goes_on, None), else_=sa.func.now()),
            due_at=due_at,
            leased_until=None,
        )
    )


def of_job(tx: Transaction, job_id: str, *, after: int, limit: int) -> list[Callback]:
    """Return the callbacks of a job, oldest first, from behind the one numbered `after`."""
    query = sa.select(*_COLUMNS).where(table.c.job_id == job_id, table.c.id > after)
    return [Callback(*row) for row in tx.execute(query.order_by(table.c.id).limit(limit))]


def attempts(tx: Transaction, callback_ids: Sequence[int]) -> dict[int, list[Attempt]]:
    """Return what came of the attempts at callbacks, by callback and in order."""
    columns = columns_of(attempt_table, Attempt)
    query = sa.select(attempt_table.c.callback_id, *columns).where(attempt_table.c.callback_id.in_(callback_ids))
    found: defaultdict[int, list[Attempt]] = defaultdict(list)
    for callback_id, *attempt in tx.execute(query.order_by(attempt_table.c.callback_id, attempt_table.c.number)):
        found[callback_id].append(Attempt(*attempt))
    return found


def _log(tx: Transaction, callback: Callback, attempt: Attempt) -> None:
    row = {
        "callback_id": callback.id,
        "number": attempt.number,
        "status": attempt.status,
        "error": attempt.error,
        "seconds": attempt.seconds,
    }
    tx.execute(sa.insert(attempt_table).values(**row))


def _end(tx: Transaction, callback: Callback, state: CallbackState, may_end: sa.ColumnElement[bool]) -> None:
    tx.execute(
        sa.update(table)
        .where(table.c.id == callback.id, may_end)
        .values(state=state, leased_until=None, ended_at=sa.func.now())
    )


def _shown(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment is not None else None
