"""Read the names in a directory once and give them in order, in memory that does not grow with the directory."""

from __future__ import annotations

import heapq
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from typing import TypeAlias

from imagesearch.store_failures import full_disk
from imagesearch.text import is_utf8

RUN = 100_000
"""Names in memory at once, some 10 MB; more of them are sorted in runs, which wait in a temporary file."""
READ_BYTES = 64 * 1024
"""Of each run in memory, while all are merged."""

SortKey: TypeAlias = tuple[str, bytes]
"""Orders names: as they are shown, and by their bytes where two are shown alike."""


def shown(name: str) -> str:
    """Return a name, or a path, in which bytes that are no UTF-8 are shown as ``\\xff``."""
    return name if is_utf8(name) else os.fsencode(name).decode("utf-8", "backslashreplace")


def sort_key(name: str) -> SortKey:
    """Return what orders a name."""
    readable = shown(name)
    return readable, b"" if readable is name else os.fsencode(name)


def sorted_names(descriptor: int, *, first: str, is_wanted: Callable[[str], bool]) -> Iterator[str]:
    """Return those names in a directory that are wanted, in order and from `first` on.

    The directory is read before this returns. Where that breaks off, what was read before comes first, and the
    error behind it.

    Raises:
        OSError: the directory cannot be listed; the iterator raises it, too.
        StoreUnavailable: there is no room for temporary files.
    """
    names: list[str] = []
    runs = _Runs()
    failure: OSError | None = None
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if first <= shown(entry.name) and is_wanted(entry.name):
                    names.append(entry.name)
                    if len(names) == RUN:
                        runs.add(sorted(names, key=sort_key))
                        names = []
    except OSError as error:
        if not names and not runs.count:
            raise
        failure = error
    return _merged(runs, sorted(names, key=sort_key), failure)


def _merged(runs: _Runs, names: list[str], failure: OSError | None) -> Iterator[str]:
    yield from heapq.merge(*(runs.read(at) for at in range(runs.count)), names, key=sort_key)
    if failure is not None:
        raise failure


class _Runs:
    """Keep sorted runs of names in a file without a name, which is gone with this or with the process."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._ends = [0]

    @property
    def count(self) -> int:
        """Return how many runs there are."""
        return len(self._ends) - 1

    def add(self, names: list[str]) -> None:
        """Write a run.

        Raises:
            StoreUnavailable: there is no room.
        """
        try:
            if self._descriptor < 0:
                self._descriptor, path = tempfile.mkstemp(prefix="imagesearch-names-")
                weakref.finalize(self, os.close, self._descriptor)
                os.unlink(path)  # noqa: PTH108 - beside the other calls on descriptors
            data = b"".join(os.fsencode(name) + b"\0" for name in names)
            written = 0
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], self._ends[-1] + written)
        except OSError as error:
            raise full_disk("temporary files", error) from error
        self._ends.append(self._ends[-1] + len(data))

    def read(self, at: int) -> Iterator[str]:
        """Yield the names of a run."""
        place, end = self._ends[at], self._ends[at + 1]
        rest = b""
        while place < end:
            data = os.pread(self._descriptor, min(READ_BYTES, end - place), place)
            place += len(data)
            *whole, rest = (rest + data).split(b"\0")
            yield from map(os.fsdecode, whole)
