"""Look at Postgres: its version, its schema, what it may lose, and who keeps it waiting."""

from __future__ import annotations

from datetime import timedelta

from imagesearch.catalog import server
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import is_current
from imagesearch.doctor.diagnosis import Diagnosis, judge

MIN_VERSION = 14
BUSY = 0.8
LONG = timedelta(minutes=30)


def examine_postgres(catalog: Catalog) -> list[Diagnosis]:
    """Return what is to be said of Postgres.

    Raises:
        StoreUnavailable: it does not answer.
    """
    with catalog.reading() as tx:
        facts = server.facts(tx)
    off = [name for name in server.SAFETY if facts.settings.get(name) == "off"]
    longest = facts.longest_transaction
    return [
        judge(
            "postgres version",
            f"Postgres {facts.version}",
            f"Run Postgres {MIN_VERSION} or newer.",
            is_well=facts.major >= MIN_VERSION,
        ),
        judge(
            "postgres schema",
            "as this release needs it" if is_current(catalog) else "not migrated",
            "Run python -m imagesearch.catalog.migrate.",
            is_well=is_current(catalog),
        ),
        judge(
            "postgres writes",
            "read-only" if facts.is_read_only else "taken",
            "Point DATABASE_URL at the primary, or add target_session_attrs=read-write.",
            is_well=not facts.is_read_only,
        ),
        judge(
            "postgres settings",
            f"off: {', '.join(off)}" if off else "commits survive a crash",
            f"Set {', '.join(off)} on: the catalogue is the one store that must lose nothing.",
            is_well=not off,
        ),
        judge(
            "postgres connections",
            f"{facts.connections} of {facts.max_connections} used",
            "Raise max_connections, or run fewer processes: docs/operations.md adds them up.",
            is_well=facts.connections < BUSY * facts.max_connections,
        ),
        judge(
            "postgres transactions",
            f"the longest has run for {_whole(longest)}",
            "End it, or the prepared transaction: nothing is cleaned up behind it, and sweeps wait for it.",
            is_well=longest < LONG,
        ),
    ]


def _whole(age: timedelta) -> timedelta:
    return timedelta(seconds=round(age.total_seconds()))
