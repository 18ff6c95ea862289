"""Whatever becomes of a connection to Postgres, its caller reads that the store is away; the next try works."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
import sqlalchemy as sa

from imagesearch.catalog import engine
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.errors import StoreUnavailable
from integration.conftest import Stores
from support.waiting import until

pytestmark = pytest.mark.integration

End = Callable[[int], None]

SLEEPS_AT_COMMIT = (
    "CREATE TABLE slow (n integer)",
    "CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(300); RETURN NULL; END'",
    "CREATE CONSTRAINT TRIGGER sleep AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION sleep()",
)


@pytest.fixture
def other(stores: Stores) -> Iterator[Catalog]:
    """A way to Postgres that is not the one under test."""
    with closing(Catalog(stores.maintenance)) as made:
        yield made


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is asked whether it lives."""
    monkeypatch.setattr(engine, "TRUSTED_SECONDS", 1000.0)


@pytest.fixture(params=["killed", "told to end"])
def end(request: pytest.FixtureRequest, other: Catalog) -> Iterator[End]:
    """End the server process of a session, whose number is given."""

    def kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def tell(pid: int) -> None:
        with other.reading() as tx:
            assert tx.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid}).scalar_one()

    yield {"killed": kill, "told to end": tell}[request.param]
    # After a kill Postgres ends every session and starts anew.
    until(lambda: answers(other))


def answers(catalog: Catalog) -> bool:
    try:
        catalog.ping()
    except StoreUnavailable:
        return False
    return True


def number(tx: Transaction) -> int:
    return int(tx.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())


def sleeps(other: Catalog, pid: int) -> bool:
    waiting = sa.text("SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = :pid")
    with other.reading() as tx:
        return bool(tx.execute(waiting, {"pid": pid}).scalar_one())


def end_once_it_sleeps(end: End, other: Catalog, tx: Transaction) -> threading.Thread:
    pid = number(tx)

    def wait_and_end() -> None:
        until(lambda: sleeps(other, pid))
        end(pid)

    thread = threading.Thread(target=wait_and_end)
    thread.start()
    return thread


def is_there(other: Catalog, pid: int) -> bool:
    session = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    with other.reading() as tx:
        return bool(tx.execute(session, {"pid": pid}).scalar_one())


def test_a_session_that_ends_in_a_statement_is_the_store_being_away(
    catalog: Catalog, other: Catalog, end: End
) -> None:
    ending: list[threading.Thread] = []

    def sleep() -> None:
        with catalog.transaction() as tx:
            ending.append(end_once_it_sleeps(end, other, tx))
            tx.execute(sa.text("SELECT pg_sleep(25)"))

    with pytest.raises(StoreUnavailable, match=r"closed the connection|terminating connection"):
        sleep()
    ending[0].join()
    until(lambda: answers(catalog))


def test_a_session_that_ends_in_a_commit_is_the_store_being_away(
    catalog: Catalog, other: Catalog, end: End
) -> None:
    with catalog.transaction() as tx:
        for statement in SLEEPS_AT_COMMIT:
            tx.exec_driver_sql(statement)
    ending: list[threading.Thread] = []

    def insert() -> None:
        with catalog.transaction() as tx:
            ending.append(end_once_it_sleeps(end, other, tx))
            tx.execute(sa.text("INSERT INTO slow VALUES (1)"))

    with pytest.raises(StoreUnavailable, match=r"closed the connection|terminating connection"):
        insert()
    ending[0].join()
    until(lambda: answers(catalog))
    with catalog.reading() as tx:
        assert tx.execute(sa.text("SELECT count(*) FROM slow")).scalar_one() == 0


@pytest.mark.usefixtures("trusting")
def test_a_session_that_ended_between_transactions_is_the_store_being_away(
    catalog: Catalog, other: Catalog, end: End
) -> None:
    for _ in range(2):
        with catalog.transaction() as tx:
            pid = number(tx)
    end(pid)
    until(lambda: answers(other) and not is_there(other, pid))
    with pytest.raises(StoreUnavailable), catalog.transaction() as tx:
        number(tx)
    with catalog.transaction() as tx:
        assert number(tx) != pid


def test_a_transaction_costs_no_statement_but_its_own(catalog: Catalog, other: Catalog) -> None:
    for _ in range(2):
        with catalog.transaction() as tx:
            pid = number(tx)
    with catalog.transaction() as tx, other.reading() as watching:
        last = "SELECT query FROM pg_stat_activity WHERE pid = :pid"
        # Nothing was sent since the transaction before was committed.
        assert watching.execute(sa.text(last), {"pid": pid}).scalar_one() == "COMMIT"
        assert number(tx) == pid
        assert tx.execute(sa.text("SHOW transaction_isolation")).scalar_one() == "read committed"


def test_a_server_that_takes_no_writes_any_more_costs_one_try(catalog: Catalog, other: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.execute(sa.text("CREATE TABLE kept (n integer)"))
        name = tx.execute(sa.text("SELECT current_database()")).scalar_one()
        # A primary that has become a standby takes no writes of the sessions it keeps.
        tx.execute(sa.text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    assert name.startswith("test_")

    def write() -> None:
        with catalog.transaction() as tx:
            tx.execute(sa.text("INSERT INTO kept VALUES (1)"))

    with pytest.raises(StoreUnavailable, match="read-only"):
        write()
    write()


def test_a_server_that_refuses_one_write_throws_away_every_idle_connection(catalog: Catalog) -> None:
    read_only = sa.text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    with catalog.transaction() as first, catalog.transaction() as second:
        old = {number(first), number(second)}
        first.execute(read_only)
        second.execute(read_only)
    with pytest.raises(StoreUnavailable, match="read-only"), catalog.transaction() as tx:
        tx.execute(sa.text("CREATE TABLE refused (n integer)"))
    with catalog.transaction() as first, catalog.transaction() as second:
        assert not old & {number(first), number(second)}


def test_what_libpq_says_without_a_code_is_the_store_being_away(catalog: Catalog) -> None:
    """psycopg2 raises its bare DatabaseError where libpq has not yet noticed that the connection is broken."""

    def break_off() -> None:
        with catalog.transaction() as tx:
            sa.event.listen(tx, "before_cursor_execute", fail)
            tx.execute(sa.text("SELECT 1"))

    def fail(*_: object) -> None:
        raise psycopg2.DatabaseError("server closed the connection unexpectedly")

    with pytest.raises(StoreUnavailable):
        break_off()


def test_a_frozen_transaction_gives_its_locks_back(stores: Stores, migrated: str, other: Catalog) -> None:
    settings = stores.create_database(migrated).model_copy(update={"database_idle_transaction_timeout_ms": 200})
    lock = sa.text("LOCK TABLE jobs IN EXCLUSIVE MODE")
    with closing(Catalog(settings)) as catalog:

        def freeze() -> None:
            with catalog.transaction() as tx:
                tx.execute(lock)
                pid = number(tx)
                until(lambda: not is_there(other, pid))
                with catalog.transaction() as waiting:
                    waiting.execute(lock)
                tx.execute(sa.text("SELECT 1"))

        with pytest.raises(StoreUnavailable):
            freeze()
        with catalog.transaction() as tx:
            tx.execute(lock)
