"""Open transactions on Postgres and name its failures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias, cast

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from imagesearch import tracing
from imagesearch.errors import Shortage, StoreUnavailable
from imagesearch.metrics import STORE_SECONDS
from imagesearch.settings import PostgresSettings
from imagesearch.store_failures import failed, tells_of_full_disk

Transaction: TypeAlias = sa.Connection
"""What `Catalog` hands out, and whatever reads or writes the catalogue takes first."""
TRUSTED_SECONDS = 1.0
"""No server restarts in less: a connection that was in use so short a time ago is not asked whether it lives."""

_UNUSABLE = ("08", "57P", "25P03", "25006")
"""Beginnings of the SQLSTATEs after which a connection is of no more use: it failed; the server ends, or is not
ready; it ended a session that paused within its transaction; it takes no writes, as another is the primary now.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_SHORTAGES = {"53100": Shortage.DISK, "53200": Shortage.MEMORY, "53300": Shortage.CONNECTIONS}
_NO_CONNECTIONS = ("too many clients", "too many connections", "connection slots are reserved")

_CONTEXT = 4
"""Where the events around a statement have what SQLAlchemy keeps of its execution."""


class Catalog:
    """Hand out transactions; create it after any fork.

    Args:
        settings: where Postgres is.
        most: connections at once; None for twice as many as are kept open.
        service: whose process this is; `pg_stat_activity` shows whose each session is.
    """

    def __init__(self, settings: PostgresSettings, most: int | None = None, *, service: str | None = None) -> None:
        kept = settings.database_pool_size if most is None else min(settings.database_pool_size, most)
        self._engine = sa.create_engine(
            settings.database_url,
            # Reads take connections as they are, and transactions switch them over in this process: the pool's own
            # switch of levels is a statement for each transaction, and one whose failure nobody names.
            isolation_level="AUTOCOMMIT",
            # The connection that was used last is the one that is most likely trusted.
            pool_use_lifo=True,
            pool_size=kept,
            max_overflow=kept if most is None else most - kept,
            pool_timeout=settings.database_connect_timeout,
            connect_args={
                "connect_timeout": settings.database_connect_timeout,
                "options": _options(
                    statement_timeout=settings.database_statement_timeout_ms,
                    idle_in_transaction_session_timeout=settings.database_idle_transaction_timeout_ms,
                    default_transaction_isolation=r"read\ committed",
                    timezone="UTC",
                    # While an answer waits to be read, neither of the limits above ends a session whose client
                    # stands still: only the kernel does, over TCP.
                    tcp_user_timeout=settings.database_idle_transaction_timeout_ms,
                ),
                "application_name": "imagesearch" if service is None else f"imagesearch-{service}",
                # A host that vanished is noticed in seconds, not after the kernel's two hours.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                # The same while it has yet to acknowledge something.
                "tcp_user_timeout": 11_000,
            },
        )
        sa.event.listen(self._engine, "checkout", self._ping_idle)
        sa.event.listen(self._engine, "connect", _note_use)
        sa.event.listen(self._engine, "checkin", _note_use)
        sa.event.listen(self._engine, "checkin", _end_transacting)
        sa.event.listen(self._engine, "handle_error", self._judge)
        sa.event.listen(self._engine, "before_cursor_execute", _begin_statement)
        sa.event.listen(self._engine, "after_cursor_execute", _end_statement)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Yield a connection inside one transaction: committed at the end, rolled back on any error.

        Raises:
            StoreUnavailable: Postgres does not answer, takes no writes, or broke the transaction off (a restart, a
                deadlock, too long a pause within it): the whole transaction may be tried again. One that broke off
                during its commit may have been committed.
        """
        with self._named_failures(), tracing.step("postgres"), self._engine.connect() as connection:
            cast(Any, connection.connection.driver_connection).autocommit = False
            with connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Yield a connection on which each statement sees what is committed when it runs; for reads alone.

        BEGIN and COMMIT would be trips to the server of their own: a read of one row took half the time without.

        Raises:
            StoreUnavailable: Postgres does not answer, or went away.
        """
        with self._named_failures(), self._engine.connect() as connection:
            yield connection

    def _ping_idle(self, connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        """Have the pool replace a connection that died while it was idle: a server that restarted costs no error.

        One that has just been used is trusted, which spares each of a row of searches two trips to the server.
        """
        if time.monotonic() - record.info.get("used_at", -TRUSTED_SECONDS) < TRUSTED_SECONDS:
            return
        try:
            self._engine.dialect.do_ping(connection)
        except self._driver_error as error:
            # The others were idle, too.
            raise InvalidatePoolError from error

    def _judge(self, failure: ExceptionContext) -> None:
        """Have the pool throw away its connections after a failure of the server or of the way to it."""
        if self._is_unusable(failure.original_exception):
            failure.is_disconnect = True

    def _is_unusable(self, error: BaseException) -> bool:
        if not isinstance(error, self._driver_error):
            return False
        code = getattr(error, "pgcode", None)
        if code is not None:
            return str(code).startswith(_UNUSABLE)
        # Nothing that the server says about a statement comes without a code. What libpq itself says has this type
        # when it had not yet noticed that its connection is broken.
        return type(error) is self._engine.dialect.loaded_dbapi.DatabaseError

    @property
    def _driver_error(self) -> type[Exception]:
        return self._engine.dialect.loaded_dbapi.Error

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise _unavailable(error) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _unavailable(error) from error
            raise
        except self._driver_error as error:
            # Raised beside a statement, where the pool does not translate it.
            raise _unavailable(error) from error

    def ping(self) -> None:
        """Ask Postgres for one row.

        Raises:
            StoreUnavailable: it does not answer.
        """
        with self.reading() as tx:
            tx.execute(sa.text("SELECT 1"))

    def close(self) -> None:
        """Close every idle connection."""
        self._engine.dispose()


def now(tx: Transaction) -> datetime:
    """Return what time it is for Postgres, whose clock alone is compared with the times in its rows."""
    return cast(datetime, tx.execute(sa.select(sa.func.clock_timestamp())).scalar_one())


def without_time_limit(tx: Transaction) -> None:
    """Let the statements of a transaction take as long as they take, where they compare a whole collection."""
    tx.exec_driver_sql("SET LOCAL statement_timeout = 0")


def _note_use(_: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _end_transacting(connection: Any, _: ConnectionPoolEntry) -> None:
    """Make a connection one for reads again; it was rolled back before, and is None where it broke."""
    if connection is not None:
        connection.autocommit = True


def _options(**parameters: object) -> str:
    return " ".join(f"-c {name}={value}" for name, value in parameters.items())


def _begin_statement(*event: Any) -> None:
    event[_CONTEXT].imagesearch_begun = time.perf_counter()


def _end_statement(*event: Any) -> None:
    STORE_SECONDS.labels("postgres").observe(time.perf_counter() - event[_CONTEXT].imagesearch_begun)


def _unavailable(error: Exception) -> StoreUnavailable:
    reason = _first_line(error)
    return failed("postgres", reason, _shortage(getattr(error, "orig", None) or error, reason))


def _shortage(origin: BaseException, reason: str) -> Shortage | None:
    """Return what Postgres has no more of; None where that is not what is wrong."""
    code = getattr(origin, "pgcode", None)
    if code is not None:
        # Files are also written by statements that fail for other reasons, by name.
        return _SHORTAGES.get(code, Shortage.DISK if tells_of_full_disk(reason) else None)
    # What a server says to somebody who cannot connect comes without its code.
    return Shortage.CONNECTIONS if any(words in reason for words in _NO_CONNECTIONS) else None


def _first_line(error: Exception) -> str:
    origin = getattr(error, "orig", None) or error
    return str(origin).strip().split("\n", 1)[0]
