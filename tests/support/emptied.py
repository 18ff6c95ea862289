"""One database with the newest schema that each test finds empty: emptying one costs a hundredth of making one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg2
from psycopg2.extensions import cursor

from imagesearch.catalog.engine import Catalog
from imagesearch.settings import PostgresSettings

MAX_DELETED_BYTES = 1024 * 1024
"""Tables that have grown further are truncated, which costs more than to delete a few rows."""

SCHEMA = """
SELECT array_agg(line ORDER BY line) FROM (
    SELECT format('relation %s %s', oid, relname) AS line FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('column %s %s %s', attrelid, attname, attnotnull) FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('constraint %s', oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT format('function %s', oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT format('trigger %s', oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT format('settings %s', setconfig) FROM pg_db_role_setting
        JOIN pg_database ON pg_database.oid = setdatabase AND datname = current_database()
) AS lines
"""
ALONE = """
SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
WITH_ROWS = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
SEED = "INSERT INTO public.NAME OVERRIDING SYSTEM VALUE SELECT * FROM seed.NAME"
SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"


class EmptiedDatabase:
    """Lend one database to a test after another."""

    def __init__(self, create: Callable[[], PostgresSettings]) -> None:
        """Lend what `create` makes: a database that migrations alone have written to."""
        self._create = create
        self._settings: PostgresSettings | None = None
        self._catalog: Catalog | None = None
        self._schema: list[str] = []
        self._seeded: list[str] = []
        self._numbers: list[str] = []

    def lend(self) -> PostgresSettings:
        """Return the settings of a database that nobody is connected to, and that holds what a new one holds.

        One whose schema or settings a test has changed is left behind, and another one is made.
        """
        if self._settings is None or not self._is_emptied(self._settings):
            self._settings = self._create()
            self._catalog = None
            self._note(self._settings)
        return self._settings

    def catalog(self) -> Catalog:
        """Lend the database as a catalogue, which who has it closes.

        One that was closed opens new connections, and still knows the statements that it has compiled.
        """
        settings = self.lend()
        if self._catalog is None:
            self._catalog = Catalog(settings)
        return self._catalog

    def _note(self, settings: PostgresSettings) -> None:
        """Keep what migrations have written, beside the tables."""
        with closing(_connected(settings)) as connection, connection.cursor() as sql:
            self._schema = _only(sql, SCHEMA)
            sql.execute(WITH_ROWS)
            self._seeded = [name for name, _ in sql.fetchall()]
            sql.execute("CREATE SCHEMA seed")
            for name in self._seeded:
                sql.execute(f"CREATE TABLE seed.{name} AS TABLE public.{name}")
            sql.execute(SEQUENCES)
            self._numbers = []
            for (name,) in sql.fetchall():
                sql.execute(f"SELECT last_value, is_called FROM public.{name}")  # noqa: S608 - our own sequence
                last, is_called = sql.fetchone() or (1, False)
                self._numbers.append(f"SELECT setval('public.{name}', {last}, {is_called})")

    def _is_emptied(self, settings: PostgresSettings) -> bool:
        with closing(_connected(settings)) as connection, connection.cursor() as sql:
            sql.execute(ALONE)
            if _only(sql, SCHEMA) != self._schema:
                return False
            sql.execute(WITH_ROWS)
            sizes = sql.fetchall()
            large = [name for name, size in sizes if size > MAX_DELETED_BYTES]
            # No key of another table is looked at. The names are those of our own tables.
            orders = ["SET session_replication_role = replica"]
            orders += [f"TRUNCATE {', '.join(large)} CASCADE"] if large else []
            orders += [f"DELETE FROM {name}" for name, _ in sizes]  # noqa: S608 - see above
            orders += [SEED.replace("NAME", name) for name in self._seeded]
            sql.execute("; ".join([*orders, *self._numbers]))
        return True


def _connected(settings: PostgresSettings) -> psycopg2.extensions.connection:
    made = psycopg2.connect(settings.database_url.replace("+psycopg2", ""))
    made.autocommit = True
    return made


def _only(sql: cursor, statement: str) -> list[str]:
    sql.execute(statement)
    row = sql.fetchone()
    assert row is not None
    found: list[str] = row[0]
    return found
