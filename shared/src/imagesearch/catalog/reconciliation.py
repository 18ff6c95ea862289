"""Keep who reconciles now, and how far the comparison of everything has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import reconciliation as table
from imagesearch.catalog.tables import reconciliation_parts as parts


def take(tx: Transaction, holder: str, lease: timedelta) -> bool:
    """Make somebody the one who reconciles; return False where another one is.

    Whoever has said nothing for as long as its lease was killed or stands still, and keeps nobody waiting. All
    times are those of Postgres.
    """
    now = sa.func.clock_timestamp()
    free = sa.or_(table.c.holder.is_(None), table.c.holder == holder, table.c.held_until < now)
    return tx.execute(sa.update(table).where(free).values(holder=holder, held_until=now + lease)).rowcount == 1


def renew(tx: Transaction, holder: str, lease: timedelta) -> bool:
    """Make a lease last longer; return False where another one has taken over."""
    until = sa.func.clock_timestamp() + lease
    return tx.execute(sa.update(table).where(table.c.holder == holder).values(held_until=until)).rowcount == 1


def give_back(tx: Transaction, holder: str) -> None:
    """Let another one reconcile."""
    tx.execute(sa.update(table).where(table.c.holder == holder).values(holder=None, held_until=None))


def jobs_seen(tx: Transaction) -> int:
    """Return the number of the open job behind which the next look at open jobs begins."""
    return int(tx.execute(sa.select(table.c.jobs_seen)).scalar_one())


def see_jobs(tx: Transaction, number: int) -> None:
    """Record the number of the open job that was looked at last; 0 where all were."""
    tx.execute(sa.update(table).values(jobs_seen=number))


def begin(tx: Transaction, names: tuple[str, ...]) -> None:
    """Have these parts compared; where that has begun already, it goes on."""
    if not places(tx).keys() & set(names):
        tx.execute(insert(parts).values([{"part": name} for name in names]).on_conflict_do_nothing())


def places(tx: Transaction) -> Mapping[str, str | None]:
    """Return the parts that have not ended, with the place that each has reached; None is its beginning."""
    return {row.part: row.place for row in tx.execute(sa.select(parts.c.part, parts.c.place))}


def reach(tx: Transaction, part: str, place: str) -> None:
    """Record how far a part has come."""
    tx.execute(sa.update(parts).where(parts.c.part == part).values(place=place))


def end(tx: Transaction, part: str) -> None:
    """Record that a part has ended; when all have, everything has been compared."""
    tx.execute(sa.delete(parts).where(parts.c.part == part))
