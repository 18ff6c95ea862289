"""Freeze a process at a call to the vector store: Postgres ends its session, others go on, and then it thaws."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from support.dying import Before
from support.world import World


def end_other_sessions(catalog: Catalog) -> None:
    """Do what Postgres does to transactions that stand still for too long."""
    with catalog.reading() as tx:
        tx.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL "
                "AND state = 'idle in transaction'"
            )
        )


def frozen(world: World, method: str, meanwhile: Callable[[], None]) -> Before:
    """Return the world's store for one process that freezes before its first call of a method, and thaws later."""

    def freeze() -> None:
        end_other_sessions(world.catalog)
        meanwhile()

    return Before(world.vectors, method, freeze)
