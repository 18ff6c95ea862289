"""List the directories in a directory, for people who choose where a job begins."""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from imagesearch.errors import SourceRejected
from imagesearch.files.beneath import Barred, Identity, descend
from imagesearch.files.paths import resolve_directory, root_of, source_rejected
from imagesearch.files.roots import Roots
from imagesearch.files.walk import is_left_out
from imagesearch.text import is_utf8

MAX_ENTRIES = 20_000
"""Entries of one directory that are looked at: one of 100,000,000 files would keep a thread for minutes."""
MAX_NAMES = 1_000

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Subdirectories:
    """Hold what lies in a directory.

    Attributes:
        path: of the directory, links resolved.
        parent: of the directory above; None where that may not be read.
        names: of directories, in order; without links, and without what a walk leaves out.
        is_complete: whether there are no others.
    """

    path: Path
    parent: Path | None
    names: tuple[str, ...]
    is_complete: bool


def subdirectories(text: str, roots: Roots) -> Subdirectories:
    """Return the directories that lie directly in one beneath a root.

    Raises:
        SourceRejected: outside the roots or not readable (``forbidden``), absent (``missing``), or something else
            than a directory (``not_a_directory``).
    """
    path = resolve_directory(text, roots)
    root = root_of(path, roots)
    if root is None:
        raise SourceRejected("forbidden", "the directory is outside the allowed roots")
    try:
        # Opened from its root downwards without following a link, as the walk of a job does.
        barred = roots.barred
        with descend(root, path.relative_to(root).parts, barred=barred) as folder:
            names, is_complete = _names(folder, barred)
    except Barred as error:
        raise SourceRejected("forbidden", "the directory is outside the allowed roots") from error
    except OSError as error:
        raise source_rejected(error) from error
    parent = path.parent if path != root and root_of(path.parent, roots) is not None else None
    return Subdirectories(path, parent, tuple(names), is_complete)


def _names(folder: int, barred: Set[Identity]) -> tuple[list[str], bool]:
    names = []
    looked_at = 0
    descriptor = os.open(".", _LIST, dir_fd=folder)
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                looked_at += 1
                if looked_at > MAX_ENTRIES:
                    break
                if _is_offered(entry, descriptor, barred):
                    names.append(entry.name)
    finally:
        os.close(descriptor)
    names.sort()
    return names[:MAX_NAMES], looked_at <= MAX_ENTRIES and len(names) <= MAX_NAMES


def _is_offered(entry: os.DirEntry[str], folder: int, barred: Set[Identity]) -> bool:
    if is_left_out(entry.name) or not is_utf8(entry.name) or not entry.is_dir(follow_symlinks=False):
        return False
    if not barred:
        return True
    # What is mounted has another inode than the entry says.
    stats = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
    return (stats.st_dev, stats.st_ino) not in barred
