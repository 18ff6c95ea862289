"""Bring the catalogue's schema to the newest version: `python -m imagesearch.catalog.migrate`.

Migrations only go forward, and run while the release before is still at work. One that this release could not work
with says so by a constant `OLDEST_REVISION` in its module: the revision that a release has to know to go on.
"""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from imagesearch.catalog import key_backlog, listing_indexes, locks, own_key_index, path_index
from imagesearch.catalog.engine import Catalog, Transaction, without_time_limit
from imagesearch.catalog.tables import metadata
from imagesearch.errors import StoreUnavailable
from imagesearch.retry import retry_transient
from imagesearch.settings import PostgresSettings
from imagesearch.telemetry import TelemetrySettings, configure

log = structlog.get_logger()

MIGRATIONS = Path(__file__).parent / "migrations"

_FIRST_REVISION = "0001"

# One row. Written by `migrate` itself, like the table in which Alembic keeps the revision.
schema_compatibility = sa.Table(
    "schema_compatibility", metadata, sa.Column("oldest_revision", sa.Text, primary_key=True)
)


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
        known = _known_revisions()
        if MigrationContext.configure(tx).get_current_revision() not in {None, *known}:
            log.warning("catalogue.newer_than_this_release", newest_known=max(known))
            return
        command.upgrade(config, revision)
        _write_compatibility(tx)
    if revision == "head":
        _fill_keys(catalog)
        path_index.build(catalog)
        own_key_index.build(catalog)
        listing_indexes.build(catalog)


def _fill_keys(catalog: Catalog) -> None:
    """Give older rows their keys; each slice is committed, and a migration that was killed goes on behind it."""
    more = True
    while more:
        with catalog.transaction() as tx:
            without_time_limit(tx)
            more = key_backlog.fill_next(tx)


def is_current(catalog: Catalog) -> bool:
    """Tell whether the schema is one that this code can work with: its own, or a newer one that allows it.

    Raises:
        StoreUnavailable: Postgres does not answer.
    """
    with catalog.reading() as tx:
        found = MigrationContext.configure(tx).get_current_revision()
        if key_backlog.is_open(tx) or not own_key_index.is_there(tx):
            return False
        known = _known_revisions()
        if found is None or found in known:
            return found == ScriptDirectory.from_config(_config()).get_current_head()
        # A newer release has migrated, while this one is still at work.
        return tx.execute(sa.select(schema_compatibility.c.oldest_revision)).scalar_one() in known


def _write_compatibility(tx: Transaction) -> None:
    """Note which revision a release has to know to work with the schema as it is now."""
    found = MigrationContext.configure(tx).get_current_revision()
    scripts = ScriptDirectory.from_config(_config()).iterate_revisions(found, "base")
    said = (getattr(script.module, "OLDEST_REVISION", None) for script in scripts)
    oldest = next((revision for revision in said if revision is not None), _FIRST_REVISION)
    schema_compatibility.create(tx, checkfirst=True)
    tx.execute(sa.delete(schema_compatibility))
    tx.execute(sa.insert(schema_compatibility).values(oldest_revision=oldest))


def _known_revisions() -> set[str]:
    scripts = ScriptDirectory.from_config(_config())
    return {script.revision for script in scripts.walk_revisions()}


def wait_until_current(catalog: Catalog, stop: threading.Event) -> None:
    """Wait until the schema is one that this code can work with, and Postgres answers.

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
    with (
        closing(configure("migrate", TelemetrySettings())),
        closing(Catalog(PostgresSettings(), service="migrate")) as catalog,
    ):
        retry_transient(lambda: migrate(catalog), threading.Event(), doing="migrate")
    log.info("catalogue.migrated")


if __name__ == "__main__":
    main()
