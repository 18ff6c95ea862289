"""Count the requests of each kind that are in flight, and turn the rest away at once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from enum import StrEnum
from threading import BoundedSemaphore

from imagesearch_api.errors import Busy

RESERVE = 8
"""Threads besides those of all lanes, for answers that ask no store: health, metrics, what `process` remembers,
and refusals for want of a place."""


class Lane(StrEnum):
    """Name a kind of request that is admitted by itself."""

    SEARCHES = "searches"
    READS = "reads"
    PICTURES = "thumbnails and comparisons"
    FILES = "files"
    CHANGES = "changes"
    SUBMISSIONS = "submissions"
    STATUS = "questions about the state of things"
    KEYS = "API keys to be looked up"


class Lanes:
    """Count the requests of each kind that one process works on."""

    def __init__(self, places: Mapping[Lane, int]) -> None:
        self._most = dict(places)
        self._free = {lane: BoundedSemaphore(most) for lane, most in places.items()}

    def enter(self, lane: Lane, held: ExitStack) -> None:
        """Take a place in a lane until `held` closes.

        Raises:
            Busy: every place is taken.
        """
        if not self._free[lane].acquire(blocking=False):
            raise Busy(f"{self._most[lane]} {lane} are in flight already; try again in a moment.")
        held.callback(self._free[lane].release)
