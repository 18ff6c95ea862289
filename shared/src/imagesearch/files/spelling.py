"""Spell a path as its directories do, where they take other spellings for the same file.

FAT, exFAT, NTFS, shares and folders of macOS or Windows, and ext4 and f2fs where asked to, take capitals for small
letters; some take an accent within or behind its letter, and FAT also short names. A walk meets each file as its
directory spells it. Without this, whatever a caller makes of that would be another image.
"""

from __future__ import annotations

import os
import string
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from imagesearch.text import is_utf8

MAX_NAMES = 65_536
"""Names in a directory that is looked through, and in all that are remembered, some 15 MB; in a larger one a
spelling stays as it is. FAT has room for no more entries."""
KNOWN_SECONDS = 1.0
KNOWN_TIMES = 20
"""A directory is believed to be as it was for a second, and for so many times as long as listing it took."""
MAX_PLAIN = 4_096
"""Directories that take no other spelling which are remembered, each for a second."""

_SWAPPED = str.maketrans(
    string.ascii_lowercase + string.ascii_uppercase, string.ascii_uppercase + string.ascii_lowercase
)


@dataclass(frozen=True, slots=True)
class _Names:
    """Hold the names in a directory: as they are, by what is left of them without case, and by inode."""

    until: float
    names: frozenset[str]
    folded: dict[str, str]
    inodes: dict[int, str]


class Spelling:
    """Spell paths, and remember for a moment what directories hold; may be shared by threads."""

    def __init__(
        self, listed: Callable[[str], Iterator[tuple[str, int]]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Look nothing up yet.

        Args:
            listed: gives the names in a directory with their inodes; raises OSError.
            clock: in seconds.
        """
        self._listed = listed
        self._clock = clock
        self._plain: dict[str, float] = {}
        self._known: OrderedDict[str, _Names] = OrderedDict()
        self._lock = Lock()

    def of(self, path: Path, below: Path) -> Path:
        """Return a resolved path with each name below a directory as it is held there.

        For directories that take one spelling alone, as most do, this costs one question a second and directory.
        Names that are not there, and names in directories that cannot be listed, stay as they are.
        """
        folder = os.fspath(below)
        for name in path.relative_to(below).parts:
            folder = os.path.join(folder, self._held(folder, name))  # noqa: PTH118 - once for each name
        return Path(folder)

    def _held(self, folder: str, name: str) -> str:
        now = self._clock()
        with self._lock:
            if self._plain.get(folder, -1.0) > now:
                return name
        other = _other_spelling(name)
        if other is None:
            return name
        itself = _identity(folder, name)
        if itself is None:
            return name  # What is not there tells nothing of its directory.
        if _identity(folder, other) != itself:
            with self._lock:
                if len(self._plain) >= MAX_PLAIN:
                    self._plain.clear()
                self._plain[folder] = now + KNOWN_SECONDS
            return name
        known = self._names_in(folder, now)
        if name in known.names:
            return name
        for found in (known.folded.get(_folded(name)), known.inodes.get(itself[1])):
            if found is not None and is_utf8(found) and _identity(folder, found) == itself:
                return found
        return name

    def _names_in(self, folder: str, now: float) -> _Names:
        with self._lock:
            known = self._known.get(folder)
            if known is not None and known.until > now:
                return known
        names: dict[str, int] = {}
        try:
            for name, inode in self._listed(folder):
                names[name] = inode
                if len(names) > MAX_NAMES:
                    names = {}
                    break
        except OSError:
            names = {}
        took = self._clock() - now
        found = _Names(
            self._clock() + max(KNOWN_SECONDS, KNOWN_TIMES * took),
            frozenset(names),
            {_folded(name): name for name in names},
            {inode: name for name, inode in names.items()},
        )
        with self._lock:
            self._known[folder] = found
            self._known.move_to_end(folder)
            while len(self._known) > 1 and sum(100 + len(one.names) for one in self._known.values()) > MAX_NAMES:
                self._known.popitem(last=False)
        return found


def _other_spelling(name: str) -> str | None:
    """Return another spelling, which is that of the same file only where a directory takes more than one."""
    for other in (
        name.translate(_SWAPPED),
        name.swapcase(),
        unicodedata.normalize("NFD", name),
        unicodedata.normalize("NFC", name),
    ):
        if other != name:
            return other
    return None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _identity(folder: str, name: str) -> tuple[int, int] | None:
    try:
        stats = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - once for each name
    except OSError:
        return None
    return stats.st_dev, stats.st_ino


def _scanned(folder: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry.name, entry.inode()


SPELLING = Spelling(_scanned)
"""What this process remembers."""
