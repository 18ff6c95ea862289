"""Deliver callbacks in threads of their own: no batch and no plan waits for somebody's server."""

from __future__ import annotations

from threading import Event, Thread

import structlog

from imagesearch.errors import StoreUnavailable
from imagesearch_indexer.callbacks.delivery import Delivery

log = structlog.get_logger()

THREADS = 2
"""In each process; a host that is slow takes one of them, in all processes together."""
POLL_SECONDS = 2.0


class Courier:
    """Deliver what is due until the process stops; `close` waits for the attempts under way."""

    def __init__(self, delivery: Delivery, stopping: Event) -> None:
        self._delivery = delivery
        self._stopping = stopping
        self._closing = Event()
        self._threads = [
            Thread(target=self._run, name=f"callbacks-{number}", daemon=True) for number in range(THREADS)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop, and wait for the attempts under way, which end within their timeout."""
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not (self._closing.is_set() or self._stopping.is_set()):
            try:
                found = self._delivery.deliver_next()
            except StoreUnavailable as error:
                log.warning("callbacks.put_off", reason=str(error))
                found = False
            except Exception:
                # Whatever one of them has met, the others are to be told. Its own attempt has a lease.
                log.exception("callbacks.failed")
                found = False
            if not found:
                self._closing.wait(POLL_SECONDS)
