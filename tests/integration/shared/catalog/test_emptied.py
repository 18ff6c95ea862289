"""What most tests of this folder rest on: a database that was lent before holds what a new one holds."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import metadata
from imagesearch.settings import PostgresSettings
from support import emptied
from support.emptied import EmptiedDatabase
from support.stores import Stores

pytestmark = pytest.mark.integration

ROWS = [
    "INSERT INTO collections (name, dimension, metric, index_type, vector_collection) "
    "VALUES ('a', 512, 'COSINE', 'FLAT', 'v')",
    "INSERT INTO images (collection_id, path) SELECT id, cast(number AS text) "
    "FROM collections, generate_series(1, 3000) AS number",
    "SELECT nextval('vector_keys')",
    "DELETE FROM schema_compatibility",
]
SEQUENCES = """
SELECT sequencename, CAST(last_value AS text) FROM pg_sequences WHERE schemaname = 'public' ORDER BY sequencename
"""


@pytest.fixture
def database(stores: Stores, migrated: str) -> EmptiedDatabase:
    return EmptiedDatabase(lambda: stores.create_database(migrated))


def contents(settings: PostgresSettings) -> dict[str, Any]:
    """Return all rows, and where each sequence stands."""
    with closing(Catalog(settings)) as catalog, catalog.transaction() as tx:
        found: dict[str, Any] = {
            table.name: tx.execute(sa.select(table)).all() for table in metadata.sorted_tables
        }
        found["sequences"] = tx.execute(sa.text(SEQUENCES)).all()
    return found


@pytest.mark.parametrize("truncated", [0, 2**40])
def test_what_was_written_is_gone_and_numbers_begin_anew(
    database: EmptiedDatabase, truncated: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emptied, "MAX_DELETED_BYTES", truncated)
    lent = database.lend()
    new = contents(lent)
    with closing(Catalog(lent)) as catalog:
        with catalog.transaction() as tx:
            for statement in ROWS:
                tx.execute(sa.text(statement))
        assert contents(lent) != new
        # Whoever is still connected is sent away.
        assert database.lend() == lent
    assert contents(lent) == new


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE kept (n integer)",
        "CREATE INDEX ON images (format)",
        "ALTER TABLE images DROP COLUMN format",
        "ALTER TABLE images ADD CHECK (width > 0)",
    ],
)
def test_another_database_follows_one_whose_schema_was_changed(database: EmptiedDatabase, change: str) -> None:
    lent = database.lend()
    with closing(Catalog(lent)) as catalog, catalog.transaction() as tx:
        tx.execute(sa.text(change))
    after = database.lend()
    assert after != lent
    assert database.lend() == after
