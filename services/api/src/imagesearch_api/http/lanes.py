"""Count the requests of each kind that are in flight, and turn the rest away at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from enum import StrEnum
from threading import Lock

from imagesearch_api.errors import Busy

RESERVE = 8
"""Threads besides those of all lanes, for answers that ask no store: health, metrics, what `process` remembers,
and refusals for want of a place."""
OTHERS_SHARE = 4
"""One place of so many, and at least one, is kept for other callers where there are any."""
OTHERS_SECONDS = 3_600.0
"""How long a caller is remembered as another one: longer than the slowest body may take, during which one caller
would hold every place."""


class Lane(StrEnum):
    """Name a kind of request that is admitted by itself."""

    SEARCHES = "searches"
    READS = "reads"
    PICTURES = "thumbnails and comparisons"
    EXPLANATIONS = "explanations"
    FILES = "files"
    CHANGES = "changes"
    SUBMISSIONS = "submissions"
    WAITS = "waits for jobs"
    STATUS = "questions about the state of things"
    KEYS = "API keys to be looked up"


class Lanes:
    """Count the requests of each kind that one process works on."""

    def __init__(self, places: Mapping[Lane, int], clock: Callable[[], float] = time.monotonic) -> None:
        """Have so many places in each lane; the clock is in seconds."""
        self._places = {lane: _Places(lane, most) for lane, most in places.items()}
        self._clock = clock

    def enter(self, lane: Lane, held: ExitStack, who: str = "") -> None:
        """Take a place in a lane until `held` closes.

        A caller that is alone may have every place. Where another one has asked within the last hour, neither may
        have the last quarter, or else one that sends or reads slowly would keep the other waiting.

        Args:
            lane: which.
            held: gives the place back.
            who: the caller.

        Raises:
            Busy: every place is taken, or all that this caller may have.
        """
        places = self._places[lane]
        places.take(who, self._clock())
        held.callback(places.give_back, who)


class _Places:
    """Hold the places of one lane; may be shared by threads."""

    def __init__(self, lane: Lane, most: int) -> None:
        self._lane = lane
        self._most = most
        self._most_beside_others = max(1, most - -(-most // OTHERS_SHARE))
        self._taken: Counter[str] = Counter()
        self._last = ""
        self._others_until = 0.0
        self._lock = Lock()

    def take(self, who: str, now: float) -> None:
        with self._lock:
            if who != self._last:
                self._others_until = now + OTHERS_SECONDS if self._last else self._others_until
                self._last = who
            if self._taken.total() >= self._most:
                raise Busy(f"{self._most} {self._lane} are in flight already; try again in a moment.")
            mine = self._taken[who]
            if mine >= self._most_beside_others and now < self._others_until:
                raise Busy(f"{mine} {self._lane} of yours are in flight already, and others call; try again soon.")
            self._taken[who] += 1

    def give_back(self, who: str) -> None:
        with self._lock:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]
