"""Build indexes of images beside those who write: a migration would keep them waiting while all are read."""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.catalog import locks
from imagesearch.catalog.engine import Catalog, Transaction


def build(catalog: Catalog, name: str, statement: str) -> None:
    """Build an index unless it is there; one that was killed on the way is begun anew.

    Args:
        catalog: where.
        name: of the index.
        statement: that builds it, concurrently.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    with catalog.transaction() as guard:
        # Idle for as long as the index takes, and without a snapshot, for which that would wait.
        guard.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        locks.migration(guard)
        with catalog.reading() as tx:
            state = _state(tx, name)
            if state != "valid":
                _build(tx, name, statement, is_broken=state is not None)


def is_valid(tx: Transaction, name: str) -> bool:
    """Tell whether an index is there and holds what it promises."""
    return _state(tx, name) == "valid"


def _state(tx: Transaction, name: str) -> str | None:
    """Return whether the index is valid or broken; None where there is none."""
    query = sa.text(
        "SELECT CASE WHEN indisvalid THEN 'valid' ELSE 'broken' END FROM pg_index "
        "WHERE indexrelid = to_regclass(:name)"
    )
    state: str | None = tx.execute(query, {"name": name}).scalar_one_or_none()
    return state


def _build(tx: Transaction, name: str, statement: str, *, is_broken: bool) -> None:
    tx.exec_driver_sql("SET statement_timeout = 0")
    try:
        if is_broken:
            tx.exec_driver_sql(f"DROP INDEX CONCURRENTLY {name}")
        tx.exec_driver_sql(statement)
    finally:
        tx.exec_driver_sql("RESET statement_timeout")
