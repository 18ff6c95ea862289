"""Open transactions on Postgres and name its failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from imagesearch.errors import StoreUnavailable
from imagesearch.settings import PostgresSettings


class Catalog:
    """Hand out transactions; create it once a process, after any fork."""

    def __init__(self, settings: PostgresSettings) -> None:
        self.engine = sa.create_engine(
            settings.database_url,
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_pool_size,
            pool_timeout=settings.database_connect_timeout,
            # A server that restarted costs a ping, not an error.
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": settings.database_connect_timeout,
                "options": f"-c statement_timeout={settings.database_statement_timeout_ms} -c timezone=UTC",
                "application_name": "imagesearch",
                # A host that vanished is noticed in seconds, not after the kernel's two hours.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
            },
        )

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Yield a connection inside one transaction: committed at the end, rolled back on any error.

        Raises:
            StoreUnavailable: Postgres does not answer, or broke the transaction off (a restart, a deadlock):
                the whole transaction may be tried again.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise StoreUnavailable("postgres", _first_line(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StoreUnavailable("postgres", _first_line(error)) from error
            raise

    def ping(self) -> None:
        """Ask Postgres for one row.

        Raises:
            StoreUnavailable: it does not answer.
        """
        with self.transaction() as tx:
            tx.execute(sa.text("SELECT 1"))

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


def _first_line(error: Exception) -> str:
    origin = getattr(error, "orig", None) or error
    return str(origin).strip().split("\n", 1)[0]
