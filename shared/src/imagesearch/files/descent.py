"""Go down into directories and up again, with no link on the way, whatever is moved meanwhile."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from imagesearch.files.beneath import Barred, Identity, descend, identity_of
from imagesearch.files.paths import root_of
from imagesearch.files.roots import Roots

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class Level:
    """Hold one directory of the way down.

    Attributes:
        descriptor: of the directory while the walk is in it; -1 while it is further down.
        names: entries that the walk has not come to yet.
        done: the part of the walk's `after` that lies below this directory.
    """

    path: str
    identity: Identity | None
    descriptor: int
    done: tuple[str, ...]
    names: Iterator[str] = field(default_factory=lambda: iter(()))


class Descent:
    """Keep the directories from the top of a walk down to where it is; only the last of them is open.

    Each directory is opened from the one above it, and no link is followed: a link that replaces a directory
    meanwhile leads nowhere. On the way up, a parent has to be the directory that it was on the way down.
    """

    def __init__(self, top: Path, roots: Roots, names: Names) -> None:
        """Begin at `top`, which lies beneath a root, and list each directory with `names`."""
        self.top = os.fspath(top)
        self.levels: list[Level] = []
        self._directory = top
        self._roots = roots
        self._names = names
        self._barred = roots.barred

    @property
    def descriptor(self) -> int:
        """Return the descriptor of the directory in which the walk is."""
        return self.levels[-1].descriptor

    def begin(self, done: tuple[str, ...]) -> None:
        """Open the top.

        Raises:
            OSError: it cannot be listed, or lies beneath no root any more.
        """
        self._push(self.top, self._from_root(self._directory), done)

    def enter(self, path: str, name: str, done: tuple[str, ...]) -> None:
        """Go down into a directory.

        Raises:
            Barred: it holds uploads.
            OSError: it cannot be listed, or is none any more.
        """
        above = self.levels[-1]
        self._push(path, os.open(name, _LIST, dir_fd=above.descriptor), done)
        os.close(above.descriptor)
        above.descriptor = -1

    def leave(self) -> None:
        """Go up.

        Raises:
            OSError: the directory above is not there any more.
        """
        left = self.levels.pop()
        try:
            if self.levels:
                self._reopen(self.levels[-1], left.descriptor)
        finally:
            if left.descriptor >= 0:
                os.close(left.descriptor)

    def give_up(self) -> None:
        """Pass over what is left of a directory that could not be opened again."""
        self.levels[-1].names = iter(())

    def close(self) -> None:
        """Close what is open."""
        while self.levels:
            descriptor = self.levels.pop().descriptor
            if descriptor >= 0:
                os.close(descriptor)

    def _push(self, path: str, descriptor: int, done: tuple[str, ...]) -> None:
        level = Level(path, identity_of(descriptor), descriptor, done)
        try:
            if level.identity in self._barred:
                raise Barred
            level.names = self._names(level, done)
        except OSError:
            os.close(descriptor)
            raise
        self.levels.append(level)

    def _reopen(self, level: Level, below: int) -> None:
        # "..", from a directory that was moved meanwhile, is another directory; it may also be closed to us.
        try:
            parent = os.open("..", _LIST, dir_fd=below)
        except OSError:
            parent = self._from_root(Path(level.path))
        if identity_of(parent) != level.identity:
            os.close(parent)
            parent = self._from_root(Path(level.path))
        if identity_of(parent) != level.identity:
            os.close(parent)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        level.descriptor = parent

    def _from_root(self, directory: Path) -> int:
        root = root_of(directory, self._roots)
        if root is None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with descend(root, directory.relative_to(root).parts, barred=self._barred) as folder:
            return os.open(".", _LIST, dir_fd=folder)


Names: TypeAlias = Callable[[Level, tuple[str, ...]], Iterator[str]]
"""Gives the names in a directory, from the one that the tuple begins with; it raises OSError."""
