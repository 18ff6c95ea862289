"""Look up the addresses of hosts, within a time that the system's resolver does not know."""

from __future__ import annotations

import socket
import time
from concurrent.futures import Future
from threading import Lock, Thread, current_thread

import structlog

log = structlog.get_logger()

MAX_LOOKUPS = 32
"""Lookups that may be under way in one process. The resolver gives up on a silent server after 5 to 30 s."""
CLOSE_SECONDS = 5.0
"""How long `close` waits for the resolver, which cannot be interrupted."""


class Lookups:
    """Ask the system's resolver, each time on a thread of its own; may be shared by threads."""

    def __init__(self, most: int = MAX_LOOKUPS) -> None:
        self._most = most
        self._lock = Lock()
        self._asking: set[Thread] = set()
        self._closed = False

    def __call__(self, host: str, port: int, timeout: float) -> list[str]:
        """Return the addresses of a host.

        Raises:
            OSError: it has none, nobody said so within `timeout` seconds, or too many others are being looked up.
            UnicodeError: no host can have such a name.
        """
        answer: Future[list[str]] = Future()
        thread = Thread(target=self._ask, args=(host, port, answer), name="lookup", daemon=True)
        with self._lock:
            if self._closed or len(self._asking) >= self._most:
                raise OSError("no more names can be looked up now")
            thread.start()
            self._asking.add(thread)
        return answer.result(timeout)

    def close(self) -> None:
        """Take no more questions, and wait until those under way have ended."""
        with self._lock:
            self._closed = True
            asking = list(self._asking)
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in asking:
            thread.join(max(0.0, deadline - time.monotonic()))
        if left := sum(thread.is_alive() for thread in asking):
            log.warning("lookups.still_waiting", lookups=left)

    def _ask(self, host: str, port: int, answer: Future[list[str]]) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)
        else:
            answer.set_result([str(one[4][0]) for one in found])
        finally:
            with self._lock:
                self._asking.discard(current_thread())
