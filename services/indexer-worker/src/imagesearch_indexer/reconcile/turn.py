"""Reconcile once at a time in the whole system: whoever holds the lease in Postgres does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import structlog

from imagesearch.catalog import reconciliation
from imagesearch.errors import StoreUnavailable
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import TurnLost

log = structlog.get_logger()

POLL_SECONDS = 0.2
RENEWALS = 5
"""In the time of a lease: whoever is late for some of them still holds it."""


class Turn:
    """Hold the right to reconcile."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self._holder = uuid4().hex
        self._renewed = 0.0

    def take(self) -> bool:
        """Return whether nobody else reconciles.

        Raises:
            StoreUnavailable: Postgres does not answer.
        """
        with self._indexer.catalog.transaction() as tx:
            is_mine = reconciliation.take(tx, self._holder, self._indexer.settings.reconcile_lease)
        self._renewed = time.monotonic()
        return is_mine

    def renew(self) -> None:
        """Say that the work goes on, unless that was said a moment ago.

        Raises:
            TurnLost: another process has begun.
            StoreUnavailable: Postgres does not answer.
        """
        lease = self._indexer.settings.reconcile_lease
        if time.monotonic() - self._renewed < lease.total_seconds() / RENEWALS:
            return
        with self._indexer.catalog.transaction() as tx:
            if not reconciliation.renew(tx, self._holder, lease):
                raise TurnLost("another process reconciles")
        self._renewed = time.monotonic()

    def give_back(self) -> None:
        """Let others begin at once; without Postgres the lease runs out by itself."""
        try:
            with self._indexer.catalog.transaction() as tx:
                reconciliation.give_back(tx, self._holder)
        except StoreUnavailable as error:
            log.warning("reconcile.not_given_back", reason=str(error))


@contextmanager
def turn(indexer: Indexer, *, patience: float) -> Iterator[Turn | None]:
    """Yield the right to reconcile, or None where another process has it for longer than `patience` seconds.

    Raises:
        StoreUnavailable: Postgres does not answer.
    """
    mine, deadline = Turn(indexer), time.monotonic() + patience
    while not mine.take():
        if time.monotonic() > deadline or indexer.stopping.is_set():
            yield None
            return
        indexer.stopping.wait(POLL_SECONDS)
    try:
        yield mine
    finally:
        mine.give_back()
