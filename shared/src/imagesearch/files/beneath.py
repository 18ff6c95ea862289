"""Open what lies beneath a directory step by step, so that no link on the way is ever followed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

Identity: TypeAlias = tuple[int, int]
"""Device and inode: what a directory is, however it is spelled or reached."""

# Only Linux knows O_PATH, which asks for no permission to list the directories on the way.
_PASS_THROUGH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Barred(PermissionError):
    """A path leads to what it may not enter."""


def identity_of(directory: Path | int) -> Identity | None:
    """Return the device and inode of a path or descriptor; None where they cannot be read."""
    try:
        stats = os.stat(directory)  # noqa: PTH116 - descriptors too
    except OSError:
        return None
    return stats.st_dev, stats.st_ino


@contextmanager
def descend(root: Path, parts: Sequence[str], *, barred: Set[Identity] = frozenset()) -> Iterator[int]:
    """Yield a descriptor of the directory that `parts` lead to from a root; it is closed at the end of the block.

    Args:
        root: a resolved directory.
        parts: names of directories, one below the other.
        barred: directories that may not be met on the way, the root itself included.

    Raises:
        Barred: one of the barred directories is on the way.
        OSError: a part is missing, a link (ELOOP or ENOTDIR), or something else than a directory.
    """
    folder = os.open(root, _PASS_THROUGH)
    try:
        refuse(folder, barred)
        for part in parts:
            deeper = os.open(part, _PASS_THROUGH, dir_fd=folder)
            os.close(folder)
            folder = deeper
            refuse(folder, barred)
        yield folder
    finally:
        os.close(folder)


def refuse(opened: int, barred: Set[Identity]) -> None:
    """Refuse what is barred.

    Raises:
        Barred: what was opened is.
    """
    if barred and identity_of(opened) in barred:
        raise Barred
