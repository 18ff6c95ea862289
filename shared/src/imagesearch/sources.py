"""Open, resolve and walk what lies under the allowed roots, and nothing else.

Roots are expected resolved, as `SourceSettings.image_roots` gives them. Reasons never repeat a path: what
lies outside the roots is forbidden whether or not it exists.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imagesearch.contract import FailureCode
from imagesearch.errors import PictureRejected, SourceRejected
from imagesearch.settings import PictureSettings

_FAILURES = {
    errno.ENOENT: (FailureCode.VANISHED, "no file lies at the path any more"),
    errno.ENOTDIR: (FailureCode.VANISHED, "no file lies at the path any more"),
    errno.EACCES: (FailureCode.FORBIDDEN, "the file's permissions do not allow reading it"),
    errno.EPERM: (FailureCode.FORBIDDEN, "the file's permissions do not allow reading it"),
    errno.ELOOP: (FailureCode.FORBIDDEN, "the path is a loop of links, or a link that was just put there"),
    errno.ENAMETOOLONG: (FailureCode.UNSUPPORTED_NAME, "the path is longer than the system allows"),
    errno.EISDIR: (FailureCode.NOT_A_FILE, "the path names a directory"),
    errno.ENXIO: (FailureCode.NOT_A_FILE, "the path names a socket or a device"),
    errno.ENODEV: (FailureCode.NOT_A_FILE, "the path names a socket or a device"),
}

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

# Only Linux knows O_PATH, which asks for no permission to list the directories on the way.
_PASS_THROUGH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """Name one file that a walk found, or one loss.

    Attributes:
        path: absolute and valid UTF-8; in a name that is not, the bytes are shown as ``\\xff``.
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


def resolve_directory(text: str, roots: tuple[Path, ...]) -> Path:
    """Return the real path of a directory that a job may read.

    Raises:
        SourceRejected: outside the roots or not readable (``forbidden``), absent (``missing``), or something
            else than a directory (``not_a_directory``).
    """
    if problem := _malformed(text):
        code, reason = problem
        raise SourceRejected("forbidden" if code is FailureCode.FORBIDDEN else "missing", reason)
    path = Path(os.path.realpath(text))
    if _root_of(path, roots) is None:
        raise SourceRejected("forbidden", "the directory is outside the allowed roots")
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            raise SourceRejected("not_a_directory", "the path does not name a directory")
        with os.scandir(path):
            return path
    except OSError as error:
        raise _source_rejected(error) from error


def resolve_file(text: str, roots: tuple[Path, ...]) -> Path:
    """Return the real path of one picture that may be read.

    Raises:
        PictureRejected: outside the roots or not readable (forbidden), absent (vanished), something else
            than a regular file (not_a_file), or a name that cannot be stored (unsupported_name).
    """
    path, _ = _resolve(text, roots)
    try:
        found = path.stat()
        readable = os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)
    except OSError as error:
        raise _picture_rejected(error) from error
    if not stat.S_ISREG(found.st_mode):
        raise PictureRejected(FailureCode.NOT_A_FILE, "the path does not name a regular file")
    if not readable:
        raise PictureRejected(*_FAILURES[errno.EACCES])
    return path


def open_file(text: str, roots: tuple[Path, ...]) -> BinaryIO:
    """Open one picture for reading; the caller closes it.

    The path is resolved first and then opened from its root downwards without following a link, so that a
    link put in its way in between leads nowhere.

    Raises:
        PictureRejected: forbidden, vanished, not_a_file, unsupported_name or io_error.
    """
    path, root = _resolve(text, roots)
    try:
        descriptor = _open_beneath(root, path)
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError as error:
        raise _picture_rejected(error) from error
    if not is_file:
        os.close(descriptor)
        raise PictureRejected(FailureCode.NOT_A_FILE, "the path does not name a regular file")
    return os.fdopen(descriptor, "rb")


def read_file(text: str, roots: tuple[Path, ...], limits: PictureSettings) -> tuple[bytes, os.stat_result]:
    """Read one picture's bytes.

    The state returned is the one before reading: a file that is still being written looks changed to the
    next job.

    Raises:
        PictureRejected: forbidden, vanished, not_a_file, unsupported_name, io_error, too_large or empty.
    """
    with open_file(text, roots) as file:
        try:
            found = os.fstat(file.fileno())
            if found.st_size > limits.max_file_bytes:
                reason = f"{found.st_size} bytes; at most {limits.max_file_bytes} are read"
                raise PictureRejected(FailureCode.TOO_LARGE, reason)
            data = file.read(found.st_size)
        except OSError as error:
            raise _picture_rejected(error) from error
    if not data:
        raise PictureRejected(FailureCode.EMPTY, "the file is empty")
    return data, found


def _malformed(text: str) -> tuple[FailureCode, str] | None:
    if not text:
        return FailureCode.VANISHED, "the path is empty"
    if "\0" in text or _shown(text) != text:
        return FailureCode.UNSUPPORTED_NAME, "the path holds bytes that are not valid UTF-8, or a NUL"
    if not text.startswith("/"):
        return FailureCode.FORBIDDEN, "the path is not absolute"
    return None


def _root_of(path: Path, roots: tuple[Path, ...]) -> Path | None:
    return next((root for root in roots if path.is_relative_to(root)), None)


def _resolve(text: str, roots: tuple[Path, ...]) -> tuple[Path, Path]:
    if problem := _malformed(text):
        raise PictureRejected(*problem)
    path = Path(os.path.realpath(text))
    root = _root_of(path, roots)
    if root is None:
        raise PictureRejected(FailureCode.FORBIDDEN, "the file is outside the allowed roots")
    return path, root


def _open_beneath(root: Path, path: Path) -> int:
    *parents, name = path.relative_to(root).parts or (".",)
    folder = os.open(root, _PASS_THROUGH)
    try:
        for parent in parents:
            deeper = os.open(parent, _PASS_THROUGH, dir_fd=folder)
            os.close(folder)
            folder = deeper
        return os.open(name, _READ, dir_fd=folder)
    finally:
        os.close(folder)


def _failure(error: OSError) -> tuple[FailureCode, str]:
    otherwise = (FailureCode.IO_ERROR, "the file system failed while the file was read")
    return _FAILURES.get(error.errno or 0, otherwise)


def _picture_rejected(error: OSError) -> PictureRejected:
    return PictureRejected(*_failure(error))


def _source_rejected(error: OSError) -> SourceRejected:
    if error.errno in (errno.EACCES, errno.EPERM):
        return SourceRejected("forbidden", "the directory's permissions do not allow listing it")
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
        return SourceRejected("missing", "no directory lies at the path")
    return SourceRejected("missing", "the file system failed while the directory was listed")


def walk(directory: Path, *, recursive: bool, after: str | None) -> Iterator[Entry]:
    """Yield every file under a directory, and every loss, in an order that does not change.

    Names sort by their code points, files and directories together, and a directory's content stands where
    its name does. No extension is asked: what is not a picture fails later, where the loss shows. Left out
    are hidden names, what operating systems leave behind, and links to directories that lie inside
    `directory`, whose files are met at their own place; one that leads outside is a loss.

    Args:
        directory: what `resolve_directory` returned.
        recursive: whether to enter subdirectories.
        after: the last path that an earlier walk yielded, to go on behind it whether or not it still exists.

    Raises:
        SourceRejected: the directory itself cannot be listed any more, or is not the one that `after` is from.
    """
    top = os.fspath(directory)
    done: tuple[str, ...] = ()
    if after is not None:
        if not Path(after).is_relative_to(directory):
            raise SourceRejected("missing", "the directory has moved since its listing began")
        done = Path(after).relative_to(directory).parts
    try:
        # Each level: its path, its names still to come, and the part of `after` that lies below it.
        levels = [(top, iter(_names(top)), done)]
    except OSError as error:
        raise _source_rejected(error) from error
    while levels:
        folder, names, done = levels[-1]
        name = next(names, None)
        if name is None:
            levels.pop()
            continue
        shown = _shown(name)
        if done and shown < done[0]:
            continue
        on_the_way = bool(done) and shown == done[0]
        path = os.path.join(folder, name)  # noqa: PTH118 - one Path object per file is slow, here and below.
        try:
            mode = os.lstat(path).st_mode
            if not stat.S_ISDIR(mode):
                entry = None if on_the_way else _entry(path, top, recursive=recursive)
            elif recursive:
                levels.append((path, iter(_names(path)), done[1:] if on_the_way else ()))
                continue
            else:
                continue
        except OSError as error:
            entry = None if on_the_way and not done[1:] else Entry(_shown(path), 0, 0, *_failure(error))
        if entry is not None:
            yield entry


def _names(folder: str) -> list[str]:
    with os.scandir(folder) as found:
        names = [entry.name for entry in found if not _left_out(entry.name)]
    names.sort(key=_shown)
    return names


def _left_out(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def _entry(path: str, top: str, *, recursive: bool) -> Entry | None:
    found = os.stat(path)  # noqa: PTH116
    shown = _shown(path)
    if stat.S_ISDIR(found.st_mode):
        # Only a link comes here.
        if not recursive or Path(os.path.realpath(path)).is_relative_to(top):
            return None
        return Entry(shown, 0, 0, FailureCode.NOT_A_FILE, "a link to a directory elsewhere, which is not followed")
    if not stat.S_ISREG(found.st_mode):
        return None
    if shown != path:
        return Entry(shown, 0, 0, FailureCode.UNSUPPORTED_NAME, "the file's name is not valid UTF-8")
    return Entry(path, found.st_size, found.st_mtime_ns)


def _shown(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return name
