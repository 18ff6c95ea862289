"""Walk a directory for its files, in an order that lets a walk be taken up again where it stopped."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from imagesearch.errors import PictureRejected, SourceRejected
from imagesearch.failures import FailureCode
from imagesearch.files.beneath import Barred
from imagesearch.files.descent import Descent, Level
from imagesearch.files.directory_names import shown, sorted_names
from imagesearch.files.facts import mtime_ns
from imagesearch.files.paths import failure_of, resolve_file, source_rejected
from imagesearch.files.roots import Roots

_SYSTEM_NAMES = frozenset(
    {
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "@eadir",
        "__macosx",
        "lost+found",
        "$recycle.bin",
        "system volume information",
    }
)
"""What Windows, macOS, Synology and ext4 leave beside pictures, in lower case."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Name one file that a walk found, or one loss: a name behind which nothing can be read.

    Attributes:
        path: absolute, links resolved, and valid UTF-8; in a name that is not, the bytes are shown as ``\\xff``. A
            loss has the name under which the walk met it.
        size_bytes: zero for a loss.
        mtime_ns: nanoseconds since the epoch; zero for a loss.
        failure: why the file cannot be read, or None.
        reason: one readable sentence, empty without a failure.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    failure: FailureCode | None = None
    reason: str = ""


Step: TypeAlias = tuple[str, Entry]
"""The name under which a walk met a file, to go on behind it, and the file."""


def walk(directory: Path, roots: Roots, *, recursive: bool, after: str | None) -> Iterator[Step]:
    """Yield every file under a directory, and every loss, in an order that does not change.

    Names sort by their code points, files and directories together, and a directory's content stands where
    its name does. Extensions do not matter: a file that is no picture fails later, and is reported. Left out
    are hidden names, what operating systems leave behind, uploads, and links to directories that lie inside
    `directory`, whose files are met at their own place; a link that leads outside is a loss. A link to a file
    is that file, so one file may be yielded more than once.

    Args:
        directory: what `resolve_directory` returned.
        roots: what links to files may lead to.
        recursive: whether to enter subdirectories.
        after: the last name that an earlier walk yielded, to go on behind it whether or not it still exists.

    Raises:
        SourceRejected: the directory itself cannot be listed any more, or is not the one that `after` is from.
    """
    done: tuple[str, ...] = ()
    if after is not None:
        if not Path(after).is_relative_to(directory):
            raise SourceRejected("missing", "the directory has moved since its listing began")
        done = Path(after).relative_to(directory).parts
    with closing(Descent(directory, roots, _names)) as descent:
        try:
            descent.begin(done)
        except OSError as error:
            raise source_rejected(error) from error
        yield from _steps(descent, roots, recursive=recursive)


def _steps(descent: Descent, roots: Roots, *, recursive: bool) -> Iterator[Step]:
    while descent.levels:
        level = descent.levels[-1]
        try:
            name = next(level.names, None)
        except OSError as error:
            # The names that were read before stay; the rest of the directory is one loss.
            name = None
            yield _lost(level.path, error)
        if name is None:
            try:
                descent.leave()
            except OSError as error:
                yield _lost(descent.levels[-1].path, error)
                descent.give_up()
            continue
        readable, done = shown(name), level.done
        if done and readable < done[0]:
            continue
        on_the_way = bool(done) and readable == done[0]
        path = os.path.join(level.path, name)  # noqa: PTH118 - one Path object per file is slow, here and below.
        try:
            stats = os.stat(name, dir_fd=descent.descriptor, follow_symlinks=False)
            if not stat.S_ISDIR(stats.st_mode):
                entry = None if on_the_way else _entry(path, stats, descent.top, roots, recursive=recursive)
            elif recursive:
                descent.enter(path, name, done[1:] if on_the_way else ())
                continue
            else:
                continue
        except Barred:
            continue
        except OSError as error:
            entry = None if on_the_way and not done[1:] else _lost(path, error)[1]
        if entry is not None:
            yield shown(path), entry


def _lost(path: str, error: OSError) -> Step:
    return shown(path), Entry(shown(path), 0, 0, *failure_of(error))


def _names(level: Level, done: tuple[str, ...] = ()) -> Iterator[str]:
    """Return the names in a directory in the order of a walk, from the one that `done` begins with.

    Raises:
        OSError: the directory cannot be listed; the iterator raises it, too, where that breaks off.
        StoreUnavailable: it is large, and there is no room for its names.
    """
    first = done[0] if done else ""
    return sorted_names(level.descriptor, first=first, is_wanted=lambda name: not is_left_out(name))


def is_left_out(name: str) -> bool:
    """Tell whether a walk passes over a name: hidden ones, and what operating systems leave behind."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def _entry(path: str, stats: os.stat_result, top: str, roots: Roots, *, recursive: bool) -> Entry | None:
    if stat.S_ISLNK(stats.st_mode):
        return _behind_link(path, top, roots, recursive=recursive)
    if not stat.S_ISREG(stats.st_mode):
        return None
    readable = shown(path)
    if readable != path:
        return Entry(readable, 0, 0, FailureCode.UNSUPPORTED_NAME, "the file's name is not valid UTF-8")
    return Entry(path, stats.st_size, mtime_ns(stats))


def _behind_link(path: str, top: str, roots: Roots, *, recursive: bool) -> Entry | None:
    """Return the file that a link leads to, under its own name, or why it cannot be read."""
    stats = os.stat(path)  # noqa: PTH116
    if stat.S_ISDIR(stats.st_mode):
        if not recursive or Path(os.path.realpath(path)).is_relative_to(top):
            return None
        reason = "a link to a directory elsewhere, which is not followed"
        return Entry(shown(path), 0, 0, FailureCode.NOT_A_FILE, reason)
    if not stat.S_ISREG(stats.st_mode):
        return None
    try:
        return Entry(str(resolve_file(path, roots)), stats.st_size, mtime_ns(stats))
    except PictureRejected as error:
        return Entry(shown(path), 0, 0, error.code, error.reason)
