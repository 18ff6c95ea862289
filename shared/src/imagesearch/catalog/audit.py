"""Keep the audit log: who deleted what, and who changed keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
import structlog

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import audit_events as table

log = structlog.get_logger()


class Action(StrEnum):
    """Name what is noted."""

    KEY_MADE = "key_made"
    KEY_REVOKED = "key_revoked"
    SECRET_ROTATED = "secret_rotated"  # noqa: S105 - the name of an action
    COLLECTION_DELETED = "collection_deleted"
    COLLECTION_RENAMED = "collection_renamed"
    ALIAS_REMOVED = "alias_removed"
    IMAGES_DELETED = "images_deleted"
    QUOTA_SET = "quota_set"
    QUOTA_REMOVED = "quota_removed"
    PRUNE_SUBMITTED = "prune_submitted"
    """A job that deletes images whose files are gone; what it deleted, its counters say."""


@dataclass(frozen=True, slots=True)
class Event:
    """Describe what was done.

    Attributes:
        key_id: of whom; None for the command, and where API keys are switched off.
    """

    id: int
    at: datetime
    action: str
    key_id: str | None
    detail: dict[str, Any]


DRY_RUN = "imagesearch_dry_run"
"""The execution option of a transaction of which nothing will stay."""
_SELECT = sa.select(*columns_of(table, Event))


def note(tx: Transaction, action: Action, key_id: str | None, detail: Mapping[str, Any]) -> None:
    """Note what this transaction does: the event is kept exactly if that is.

    The structured log has it as well, a moment before the commit: there it may speak of what was rolled back, but
    not of a dry run.
    """
    tx.execute(sa.insert(table).values(action=action.value, key_id=key_id, detail=dict(detail)))
    if not tx.get_execution_options().get(DRY_RUN):
        log.info("audit", action=action.value, api_key=key_id, **detail)


def listing(tx: Transaction, *, limit: int, before: int | None = None) -> list[Event]:
    """Return events, newest first, from behind the one with id `before`."""
    query = _SELECT.order_by(table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.id < before)
    return [Event(*row) for row in tx.execute(query)]


def count_older(tx: Transaction, age: timedelta, *, most: int) -> int:
    """Return how many events are older than `age`, up to `most`."""
    some = sa.select(table.c.id).where(_is_older(age)).order_by(table.c.at).limit(most)
    return tx.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()


def remove_older(tx: Transaction, age: timedelta, *, limit: int) -> int:
    """Remove some events that are older than `age`, the oldest first; return how many."""
    return tx.execute(removal(age, limit=limit)).rowcount


def removal(age: timedelta, *, limit: int) -> sa.Delete:
    """Return the statement that removes some events that are older than `age`.

    The index by time leads to them: in the order of ids, all events would be read where none of them is old. They
    are an array, because the planner may read the whole table to join it with a subquery.
    """
    some = sa.select(table.c.id).where(_is_older(age)).order_by(table.c.at).limit(limit)
    return sa.delete(table).where(table.c.id == sa.any_(sa.func.array(some.scalar_subquery())))


def _is_older(age: timedelta) -> sa.ColumnElement[bool]:
    return table.c.at < sa.func.now() - age
