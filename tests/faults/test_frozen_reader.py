"""A process freezes while it reads an answer of Postgres: the kernel ends its session, and its locks with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.errors import StoreUnavailable
from imagesearch.settings import PostgresSettings
from imagesearch_local.layout import Layout
from support.kept_ports import kept_port
from support.waiting import ended, hold, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1_200)]

SERVE = """
import sys
from imagesearch_local.layout import Layout
from imagesearch_local.stores import postgres
postgres.SETTINGS |= {"listen_addresses": "127.0.0.1", "port": sys.argv[2]}
postgres.serve(Layout.at(sys.argv[1]))
"""
READ = """
import sqlalchemy as sa
from imagesearch.catalog.engine import Catalog
from imagesearch.settings import PostgresSettings
with Catalog(PostgresSettings(), service="reader").transaction() as tx:
    tx.execute(sa.text("SELECT pg_sleep(0.1), repeat(text, 1000000) FROM long FOR UPDATE"))
"""
"""Ten megabytes a second for half a minute: more than the buffers between the two take."""
IS_READING = sa.text("SELECT pid FROM pg_stat_activity WHERE application_name = 'imagesearch-reader'")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[PostgresSettings]:
    """Where a Postgres listens on a port, and not on a socket of this machine alone."""
    layout, port = Layout.at(tmp_path / "data"), kept_port()
    layout.create()
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(layout.data_dir), str(port)])
    url = f"postgresql+psycopg2://imagesearch@127.0.0.1:{port}/imagesearch"
    made = PostgresSettings(database_url=url, database_idle_transaction_timeout_ms=2_000)
    try:
        with closing(Catalog(made)) as catalog:
            until(lambda: answers(catalog), alive=process)
        yield made
    finally:
        process.send_signal(signal.SIGINT)
        assert ended(process) == 0
        layout.remove_distant_sockets()


def answers(catalog: Catalog) -> bool:
    try:
        catalog.ping()
    except StoreUnavailable:
        return False
    return True


@contextmanager
def reader(settings: PostgresSettings) -> Iterator[int]:
    """Run a process that locks rows and reads them for long, and yield its id."""
    given = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_IDLE_TRANSACTION_TIMEOUT_MS": str(settings.database_idle_transaction_timeout_ms),
    }
    process = subprocess.Popen([sys.executable, "-c", READ], env=os.environ | given)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_one_that_freezes_while_it_reads_gives_its_rows_back(settings: PostgresSettings) -> None:
    lock = sa.text("SELECT FROM long FOR UPDATE SKIP LOCKED")
    with closing(Catalog(settings)) as catalog:
        with catalog.transaction() as tx:
            tx.execute(sa.text("CREATE TABLE long AS SELECT 'x' AS text FROM generate_series(1, 300)"))

        def free() -> int:
            with catalog.transaction() as tx:
                return len(tx.execute(lock).all())

        def reads() -> list[int]:
            with catalog.reading() as tx:
                return list(tx.execute(IS_READING).scalars())

        with reader(settings) as pid:
            until(lambda: free() < 300)
            hold(pid)
            assert reads()
            until(lambda: not reads())
            assert free() == 300
