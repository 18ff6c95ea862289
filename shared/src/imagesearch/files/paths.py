"""Resolve and open what lies under the allowed roots, and nothing else.

A path has one form here: absolute, links resolved, without ``.``, ``..`` or empty parts, and spelled as its
directories do. Reasons never repeat a path: what lies outside the roots is forbidden whether or not it exists.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Set
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from imagesearch.errors import PictureRejected, SourceRejected
from imagesearch.failures import FailureCode
from imagesearch.files.beneath import Barred, Identity, descend, identity_of, refuse
from imagesearch.files.facts import FileFacts
from imagesearch.files.object_file import ObjectFile
from imagesearch.files.roots import Roots
from imagesearch.files.spelling import SPELLING
from imagesearch.settings import PictureSettings
from imagesearch.text import is_utf8

_FAILURES = {
    errno.ENOENT: (FailureCode.VANISHED, "nothing lies at the path any more"),
    errno.ENOTDIR: (FailureCode.VANISHED, "nothing lies at the path any more"),
    errno.EACCES: (FailureCode.FORBIDDEN, "its permissions do not allow reading it"),
    errno.EPERM: (FailureCode.FORBIDDEN, "its permissions do not allow reading it"),
    errno.ELOOP: (FailureCode.FORBIDDEN, "the path is a loop of links, or a link that was just put there"),
    errno.ENAMETOOLONG: (FailureCode.UNSUPPORTED_NAME, "the path is longer than the system allows"),
    errno.EISDIR: (FailureCode.NOT_A_FILE, "the path names a directory"),
    errno.ENXIO: (FailureCode.NOT_A_FILE, "the path names a socket or a device"),
    errno.ENODEV: (FailureCode.NOT_A_FILE, "the path names a socket or a device"),
}

# O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC

_MAX_TRIES = 5
"""How often a path is followed whose links change meanwhile."""
_OUTSIDE = FailureCode.FORBIDDEN, "the file is outside the allowed roots"
_CHANGING = FailureCode.IO_ERROR, "the links on its path changed while they were followed"


def resolve_directory(text: str, roots: Roots) -> Path:
    """Return the real path of a directory that a job may read.

    Raises:
        SourceRejected: outside the roots or not readable (``forbidden``), absent (``missing``), or something
            else than a directory (``not_a_directory``).
    """
    if problem := _malformed(text):
        code, reason = problem
        raise SourceRejected("forbidden" if code is FailureCode.FORBIDDEN else "missing", reason)
    try:
        path = _followed(text)
    except OSError as error:
        raise source_rejected(error) from error
    root = root_of(path, roots)
    if root is None or _leads_into(path, roots.barred):
        raise SourceRejected("forbidden", "the directory is outside the allowed roots")
    path = SPELLING.of(path, root)
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            raise SourceRejected("not_a_directory", "the path does not name a directory")
        with os.scandir(path):
            return path
    except OSError as error:
        raise source_rejected(error) from error


def resolve_file(text: str, roots: Roots) -> Path:
    """Return the real path of one picture that may be read.

    Raises:
        PictureRejected: outside the roots or not readable (forbidden), absent (vanished), something else
            than a regular file (not_a_file), or a name that cannot be stored (unsupported_name).
    """
    path = SPELLING.of(*_resolve(text, roots))
    try:
        stats = path.stat()
        readable = os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)
    except OSError as error:
        raise _picture_rejected(error) from error
    if not stat.S_ISREG(stats.st_mode):
        raise PictureRejected(FailureCode.NOT_A_FILE, "the path does not name a regular file")
    if not readable:
        raise PictureRejected(*_FAILURES[errno.EACCES])
    return path


def canonical(text: str) -> str:
    """Return the one form of a path, for comparing it with stored ones.

    Text that is no path stays as it is, and so does a path whose links change all the time.
    """
    if _malformed(text):
        return text
    try:
        return os.fspath(SPELLING.of(_followed(text), Path("/")))
    except OSError:
        return text


def open_file(text: str, roots: Roots) -> BinaryIO:
    """Open a source for reading; the caller closes it.

    The path is resolved first and then opened from its root downwards without following a link, so that a
    link put in its way in between leads nowhere.

    Raises:
        PictureRejected: forbidden, vanished, not_a_file, unsupported_name or io_error.
    """
    path, root = _resolve(text, roots)
    return _open(root, path, roots.barred)


def open_stored(path: str, roots: Roots) -> BinaryIO:
    """Open the file of an image for reading, by the path that the catalogue has; the caller closes it.

    An upload is opened beneath the root of uploads. Any other file is opened as a source is: a link that was put
    on its path since is followed within the roots, and never to an upload.

    Raises:
        PictureRejected: forbidden, vanished, not_a_file, unsupported_name or io_error.
        StoreUnavailable: uploads lie in an object store, which does not answer; so does reading.
    """
    if roots.uploads is None or not is_among_uploads(path, roots):
        return open_file(path, roots)
    if problem := _malformed(path):
        raise PictureRejected(*problem)
    if roots.objects is not None:
        try:
            return roots.objects.open(path)
        except FileNotFoundError as error:
            raise PictureRejected(*_FAILURES[errno.ENOENT]) from error
    return _open(roots.uploads, Path(path), frozenset())


def facts_of(file: BinaryIO) -> FileFacts:
    """Return what is known of an open file, which `open_stored` has opened.

    Raises:
        OSError: the file system failed.
    """
    return file.facts if isinstance(file, ObjectFile) else os.fstat(file.fileno())


def is_among_uploads(path: str, roots: Roots) -> bool:
    """Tell whether a path in its one form is that of an upload."""
    uploads = roots.uploads
    return uploads is not None and path == os.path.normpath(path) and Path(path).is_relative_to(uploads)


def _open(root: Path, path: Path, barred: Set[Identity]) -> BinaryIO:
    try:
        descriptor = _open_beneath(root, path, barred)
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except Barred as error:
        raise PictureRejected(*_OUTSIDE) from error
    except OSError as error:
        raise _picture_rejected(error) from error
    if not is_file:
        os.close(descriptor)
        raise PictureRejected(FailureCode.NOT_A_FILE, "the path does not name a regular file")
    return os.fdopen(descriptor, "rb")


def read_file(
    path: str, roots: Roots, limits: PictureSettings, *, admit: Callable[[int], None] | None = None
) -> tuple[bytes, FileFacts]:
    """Read the bytes of an image's file, by the path that the catalogue has.

    The facts are taken before reading: a file that is still being written looks changed to the next job.
    `admit` is called with the number of bytes before they are read; its exceptions are passed on.

    Raises:
        PictureRejected: forbidden, vanished, not_a_file, unsupported_name, io_error, too_large or empty.
        StoreUnavailable: uploads lie in an object store, which does not answer.
    """
    with open_stored(path, roots) as file:
        try:
            stats = facts_of(file)
            if stats.st_size > limits.max_file_bytes:
                reason = f"{stats.st_size} bytes; at most {limits.max_file_bytes} are read"
                raise PictureRejected(FailureCode.TOO_LARGE, reason)
            if admit is not None:
                admit(stats.st_size)
            data = file.read(stats.st_size)
        except OSError as error:
            raise _picture_rejected(error) from error
    if not data:
        raise PictureRejected(FailureCode.EMPTY, "the file is empty")
    return data, stats


def _malformed(text: str) -> tuple[FailureCode, str] | None:
    if not text:
        return FailureCode.VANISHED, "the path is empty"
    if "\0" in text or not is_utf8(text):
        return FailureCode.UNSUPPORTED_NAME, "the path holds bytes that are not valid UTF-8, or a NUL"
    if not text.startswith("/"):
        return FailureCode.FORBIDDEN, "the path is not absolute"
    return None


def root_of(path: Path, roots: Roots) -> Path | None:
    """Return the root beneath which a resolved path lies; None where it may not be read, or is an upload."""
    if roots.uploads is not None and path.is_relative_to(roots.uploads):
        return None
    return next((root for root in roots.allowed if path.is_relative_to(root)), None)


def _leads_into(path: Path, barred: Set[Identity]) -> bool:
    return bool(barred) and any(identity_of(step) in barred for step in (path, *path.parents))


def _resolve(text: str, roots: Roots) -> tuple[Path, Path]:
    if problem := _malformed(text):
        raise PictureRejected(*problem)
    try:
        path = _followed(text)
    except OSError as error:
        raise PictureRejected(*_CHANGING) from error
    root = root_of(path, roots)
    if root is None:
        raise PictureRejected(*_OUTSIDE)
    return path, root


def _followed(text: str) -> Path:
    """Return a path without links.

    Raises:
        OSError: a link on it was taken away, or put there, between looking at it and reading it, again and again.
    """
    for _ in range(_MAX_TRIES - 1):
        with suppress(OSError):
            return Path(os.path.realpath(text))
    return Path(os.path.realpath(text))


def _open_beneath(root: Path, path: Path, barred: Set[Identity]) -> int:
    *parents, name = path.relative_to(root).parts or (".",)
    with descend(root, parents, barred=barred) as folder:
        descriptor = os.open(name, _READ, dir_fd=folder)
    try:
        refuse(descriptor, barred)  # a single file may be mounted as well
    except Barred:
        os.close(descriptor)
        raise
    return descriptor


def failure_of(error: OSError) -> tuple[FailureCode, str]:
    """Return the failure code of a file system's error, and a reason."""
    otherwise = (FailureCode.IO_ERROR, "the file system failed while it was read")
    return _FAILURES.get(error.errno or 0, otherwise)


def _picture_rejected(error: OSError) -> PictureRejected:
    return PictureRejected(*failure_of(error))


def source_rejected(error: OSError) -> SourceRejected:
    """Return a file system's error about a directory as a `SourceRejected`."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return SourceRejected("forbidden", "the directory's permissions do not allow listing it")
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
        return SourceRejected("missing", "no directory lies at the path")
    return SourceRejected("missing", "the file system failed while the directory was listed")
