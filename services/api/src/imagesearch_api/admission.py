"""Admit as many searches as can be answered in good time, and turn the others away at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from imagesearch_api.problems import Busy


class Admission:
    """Count the searches that one process works on."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = BoundedSemaphore(most)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place for the length of a block.

        Raises:
            Busy: every place is taken.
        """
        if not self._free.acquire(blocking=False):
            raise Busy(f"{self._most} searches are in flight already; try again in a moment.")
        try:
            yield
        finally:
            self._free.release()
