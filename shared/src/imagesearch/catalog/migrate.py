"""Bring the catalogue's schema to the newest version: `python -m imagesearch.catalog.migrate`."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from imagesearch.catalog import key_backlog, locks
from imagesearch.catalog.engine import Catalog, without_time_limit
from imagesearch.errors import StoreUnavailable
from imagesearch.retry import retry_transient
from imagesearch.settings import PostgresSettings
from imagesearch.telemetry import TelemetrySettings, configure

log = structlog.get_logger()

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(catalog: Catalog, revision: str = "head") -> None:
    """Run every migration up to `revision`; running it again, or in two processes at once, is harmless.

    Raises:
        StoreUnavailable: Postgres does not answer.
    """
    with catalog.transaction() as tx:
        config = _config()
        config.attributes["connection"] = tx
        without_time_limit(tx)
        locks.migration(tx)
        command.upgrade(config, revision)
    if revision == "head":
        _fill_keys(catalog)


def _fill_keys(catalog: Catalog) -> None:
    """Give older rows their keys; each slice is committed, and a migration that was killed goes on behind it."""
    more = True
    while more:
        with catalog.transaction() as tx:
            without_time_limit(tx)
            more = key_backlog.fill_next(tx)


def is_current(catalog: Catalog) -> bool:
    """Tell whether the schema is the one that this code was written for.

    Raises:
        StoreUnavailable: Postgres does not answer.
    """
    with catalog.transaction() as tx:
        found = MigrationContext.configure(tx).get_current_revision()
        is_filled = not key_backlog.is_open(tx)
    return is_filled and found == ScriptDirectory.from_config(_config()).get_current_head()


def wait_until_current(catalog: Catalog, stop: threading.Event) -> None:
    """Wait until the schema is the one that this code was written for, and Postgres answers.

    Raises:
        TransientError: `stop` was set before that.
    """

    def check() -> None:
        if not is_current(catalog):
            raise StoreUnavailable("postgres", "the schema is not migrated yet")

    retry_transient(check, stop, doing="reach postgres")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def main() -> None:
    """Wait for Postgres and migrate it."""
    with closing(configure("migrate", TelemetrySettings())), closing(Catalog(PostgresSettings())) as catalog:
        retry_transient(lambda: migrate(catalog), threading.Event(), doing="migrate")
    log.info("catalogue.migrated")


if __name__ == "__main__":
    main()
