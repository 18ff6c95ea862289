"""An object store in memory, which can be away."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Sequence

from imagesearch.errors import StoreUnavailable
from imagesearch.files.objects import ObjectFacts


class MemoryObjects:
    """Keep objects in a dictionary: an `ObjectStore`.

    Attributes:
        held: each object with the time at which it was written, in nanoseconds since the epoch.
        is_away: every call raises `StoreUnavailable`.
        calls: the names of the calls, and of which object.
        before: is told of each call before it is done; what it raises is what the call raises.
    """

    def __init__(self) -> None:
        self.held: dict[str, tuple[bytes, int]] = {}
        self.is_away = False
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda call, key: None

    def put(self, key: str, data: bytes) -> None:
        self._called("put", key)
        self.held[key] = data, time.time_ns()

    def get(self, key: str, start: int, count: int) -> bytes:
        self._called("get", key)
        if key not in self.held:
            raise FileNotFoundError(errno.ENOENT, key)
        return self.held[key][0][start : start + count]

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._called("delete", key)
            self.held.pop(key, None)

    def facts(self, key: str) -> ObjectFacts | None:
        self._called("facts", key)
        return self._facts(key) if key in self.held else None

    def listed(self, prefix: str) -> Iterator[tuple[str, ObjectFacts]]:
        self._called("listed", prefix)
        for key in sorted(self.held):
            if key.startswith(prefix):
                yield key, self._facts(key)

    def folders(self) -> set[str]:
        self._called("folders", "")
        return {key.split("/")[0] for key in self.held if "/" in key}

    def _facts(self, key: str) -> ObjectFacts:
        data, at = self.held[key]
        return ObjectFacts(len(data), at)

    def _called(self, call: str, key: str) -> None:
        if self.is_away:
            raise StoreUnavailable("uploads", "away in this test")
        self.calls.append((call, key))
        self.before(call, key)
