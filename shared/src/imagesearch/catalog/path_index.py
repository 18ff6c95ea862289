"""Order the paths of a collection by their bytes, whatever the collation of the database.

What lies below a directory is one range of that order alone. The index takes the place of the one that Postgres
made for uniqueness, and is built beside those who write: a migration would keep them waiting while every image is
read.
"""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.catalog import locks
from imagesearch.catalog.engine import Catalog, Transaction

NAME = "uq_images_path"
_BUILD = f"CREATE UNIQUE INDEX CONCURRENTLY {NAME} ON images (collection_id, path text_pattern_ops)"


def build(catalog: Catalog) -> None:
    """Build the index unless it is there; one that was killed on the way is begun anew.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    with catalog.transaction() as guard:
        # Idle for as long as the index takes, and without a snapshot, for which that would wait.
        guard.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        locks.migration(guard)
        with catalog.reading() as tx:
            state = _state(tx)
            if state != "valid":
                _build(tx, is_broken=state is not None)
    with catalog.transaction() as tx:
        tx.exec_driver_sql("ALTER TABLE images DROP CONSTRAINT IF EXISTS uq_images_collection_id_path")


def _state(tx: Transaction) -> str | None:
    """Return whether the index is valid or broken; None where there is none."""
    query = sa.text(
        "SELECT CASE WHEN indisvalid THEN 'valid' ELSE 'broken' END FROM pg_index "
        "WHERE indexrelid = to_regclass(:name)"
    )
    state: str | None = tx.execute(query, {"name": NAME}).scalar_one_or_none()
    return state


def _build(tx: Transaction, *, is_broken: bool) -> None:
    tx.exec_driver_sql("SET statement_timeout = 0")
    try:
        if is_broken:
            tx.exec_driver_sql(f"DROP INDEX CONCURRENTLY {NAME}")
        tx.exec_driver_sql(_BUILD)
    finally:
        tx.exec_driver_sql("RESET statement_timeout")
