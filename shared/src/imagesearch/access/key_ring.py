"""Remember API keys for a few seconds, so that the catalogue is not asked about each request."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

from imagesearch.access.keys import StoredKey

MAX_KNOWN = 10_000
MAX_UNKNOWN = 1_000
"""Ids that no key has: an attacker makes up as many as they like."""
TIMEOUT = 60.0
"""Seconds that somebody waits for a look-up of another: longer than any statement may run."""

Find = Callable[[str], StoredKey | None]
"""Looks a key up in the catalogue; raises `StoreUnavailable`."""


@dataclass(frozen=True, slots=True)
class Found:
    """Hold what a look-up found: a key, or None where there is none."""

    key: StoredKey | None


class KeyRing:
    """Hold the keys that were asked for lately; may be shared by threads.

    What is remembered is believed for `seconds`, and not a moment longer, also while the catalogue does not
    answer: a key that was revoked is refused everywhere after as long.
    """

    def __init__(self, find: Find, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._known: OrderedDict[str, tuple[Found, float]] = OrderedDict()
        self._unknown: OrderedDict[str, tuple[Found, float]] = OrderedDict()
        self._asking: dict[str, Future[Found]] = {}

    def remembered(self, key_id: str) -> Found | None:
        """Return what is known without asking the catalogue; None where nothing is."""
        with self._lock:
            for memory in (self._known, self._unknown):
                found = memory.get(key_id)
                if found is not None and self._clock() < found[1]:
                    return found[0]
        return None

    def is_ageing(self, key_id: str) -> bool:
        """Tell whether what is remembered of a key should be looked up again soon, and nobody does so yet."""
        with self._lock:
            found = self._known.get(key_id)
            return (
                found is not None and key_id not in self._asking and found[1] - self._clock() < self._seconds / 2
            )

    def look_up(self, key_id: str) -> Found:
        """Ask the catalogue, together with all who ask for the same key at this moment.

        Raises:
            StoreUnavailable: it does not answer.
        """
        with self._lock:
            asking = self._asking.get(key_id)
            mine: Future[Found] = Future()
            if asking is None:
                self._asking[key_id] = mine
        if asking is not None:
            return asking.result(TIMEOUT)
        # From before the question: what is answered was true then, and perhaps no longer when it arrives.
        until = self._clock() + self._seconds
        try:
            found = Found(self._find(key_id))
        except BaseException as error:
            self._end(key_id)
            mine.set_exception(error)
            raise
        self._remember(key_id, found, until)
        self._end(key_id)
        mine.set_result(found)
        return found

    def forget(self, key_id: str) -> None:
        """Have a key looked up anew: it was changed here."""
        with self._lock:
            self._known.pop(key_id, None)
            self._unknown.pop(key_id, None)

    def _remember(self, key_id: str, found: Found, until: float) -> None:
        with self._lock:
            memory, most = (self._unknown, MAX_UNKNOWN) if found.key is None else (self._known, MAX_KNOWN)
            other = self._known if found.key is None else self._unknown
            other.pop(key_id, None)
            memory[key_id] = found, until
            memory.move_to_end(key_id)
            if len(memory) > most:
                memory.popitem(last=False)

    def _end(self, key_id: str) -> None:
        with self._lock:
            del self._asking[key_id]
