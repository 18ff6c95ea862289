"""Share a fixed amount of memory among requests, so that together they never take more."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Condition

from imagesearch_api.errors import Busy

MAX_WAITING = 8
"""Requests that may wait for one budget. Each keeps a place of its lane while it waits, so this is fewer than a
lane has places: requests with large pictures leave some to others."""


class Budget:
    """Lend bytes, first come first served."""

    def __init__(self, total: int, seconds: float, most_waiting: int = MAX_WAITING) -> None:
        """Lend `total` bytes to whoever waits at most `seconds` for them."""
        self._total = self._free = total
        self._seconds = seconds
        self._most_waiting = most_waiting
        self._line: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """Return how many wait."""
        with self._changed:
            return len(self._line)

    @property
    def free(self) -> int:
        """Return how many bytes are not lent."""
        with self._changed:
            return self._free

    @contextmanager
    def reserved(self, cost: int) -> Iterator[None]:
        """Hold some bytes for the length of a block; a request for more than there are is served alone.

        Raises:
            Busy: too many requests wait already, or this one waited too long.
        """
        cost = min(cost, self._total)
        self._take(cost)
        try:
            yield
        finally:
            with self._changed:
                self._free += cost
                self._changed.notify_all()

    def _take(self, cost: int) -> None:
        turn = object()
        with self._changed:
            if len(self._line) >= self._most_waiting:
                raise Busy("Many large pictures are in work already; try again in a moment.")
            self._line.append(turn)
            try:
                # Only the first in line looks at what is free: small ones behind it cannot starve a large one.
                if not self._changed.wait_for(
                    lambda: self._line[0] is turn and cost <= self._free, timeout=self._seconds
                ):
                    raise Busy("Large pictures were in work all the time; try again in a moment.")
                self._free -= cost
            finally:
                self._line.remove(turn)
                self._changed.notify_all()


class Memory:
    """Lend the memory that requests take for what they read, and for the pixels that they decode.

    A request that holds bytes may wait for pixels, never the other way round, so there is no deadlock. Large and
    small pictures have budgets of their own, so that an ordinary photo never waits for a poster; so have bodies,
    because an upload holds its own while it waits for the indexer.

    Attributes:
        bodies: for pictures that came with a request.
        files: for files of the library, and for long JSON, which takes many times its bytes.
        small: for the pixels of pictures that take at most a sixth of what decoding may take.
        large: for those of all others.
    """

    def __init__(self, bytes_held: int, bytes_decoding: int, seconds: float) -> None:
        """Lend so many bytes for bodies and files, and for decoding, to whoever waits at most `seconds`."""
        self.bodies = Budget(bytes_held // 2, seconds)
        self.files = Budget(bytes_held // 2, seconds)
        self._largest_small = bytes_decoding // 6
        self.small = Budget(bytes_decoding // 3, seconds)
        self.large = Budget(bytes_decoding - bytes_decoding // 3, seconds)

    def decoding(self, held: ExitStack, cost: int) -> None:
        """Reserve what decoding takes until `held` closes.

        Raises:
            Busy: there is no room for it now.
        """
        budget = self.small if cost <= self._largest_small else self.large
        held.enter_context(budget.reserved(cost))
