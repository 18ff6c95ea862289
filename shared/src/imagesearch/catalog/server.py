"""Read what the Postgres server says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction

SAFETY = ("fsync", "full_page_writes", "synchronous_commit")
"""Settings without which a crash loses what was committed, or more."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Describe the server.

    Attributes:
        settings: of those in `SAFETY`.
        connections: that are open now, everybody's.
        longest_transaction: how long the oldest one has run, prepared ones too.
        now: its clock.
    """

    version: str
    major: int
    is_read_only: bool
    settings: Mapping[str, str]
    connections: int
    max_connections: int
    longest_transaction: timedelta
    now: datetime


def facts(tx: Transaction) -> ServerFacts:
    """Return what the server says; what other users do is only counted."""
    row = tx.execute(
        sa.text(
            "SELECT current_setting('server_version') AS version, "
            "current_setting('server_version_num')::int / 10000 AS major, "
            "pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS is_read_only, "
            "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections, "
            "current_setting('max_connections')::int AS max_connections, "
            "clock_timestamp() - least((SELECT min(xact_start) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend'), (SELECT min(prepared) FROM pg_prepared_xacts), "
            "clock_timestamp()) AS longest_transaction, clock_timestamp() AS now"
        )
    ).one()
    settings = {name: tx.execute(sa.select(sa.func.current_setting(name))).scalar_one() for name in SAFETY}
    return ServerFacts(settings=settings, **row._mapping)
