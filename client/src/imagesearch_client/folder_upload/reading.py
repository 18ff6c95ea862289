"""Read files that others may change, replace or take away meanwhile: wholly, or with a code that says why not."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""A pipe that stands where a file was is opened without waiting for whoever writes to it."""


class Unusable(Exception):
    """A file cannot be sent.

    Attributes:
        code: why, as pictures of jobs fail: ``forbidden``, ``vanished``, ``not_a_file``, ``io_error``, ``empty``,
            ``too_large``; or ``changed`` where somebody wrote to it while it was read.
    """

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(reason)


def digest_of(path: str, *, max_bytes: int | None, follow_link: bool) -> str:
    """Return the SHA-256 of a file in hexadecimal digits, without holding it in memory.

    Raises:
        Unusable: it cannot be read, is empty, or larger than `max_bytes`.
    """
    with _opened(path, max_bytes, follow_link) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bytes_of(path: str, *, max_bytes: int | None, follow_link: bool, sha256: str) -> bytes:
    """Return what is in a file, if that is still what has this digest.

    Raises:
        Unusable: it cannot be read, is empty, larger than `max_bytes`, or was written to meanwhile.
    """
    with _opened(path, max_bytes, follow_link) as file:
        size = os.fstat(file.fileno()).st_size
        # One byte more would show that it has grown; no file that grows without end fills the memory.
        data = file.read(size + 1)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Unusable("changed", "it was written to since its digest was taken")
    return data


@contextmanager
def _opened(path: str, max_bytes: int | None, follow_link: bool) -> Iterator[BufferedReader]:
    try:
        flags = _FLAGS | (0 if follow_link else os.O_NOFOLLOW)
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
            before = os.fstat(file.fileno())
            _check(before, max_bytes)
            yield file
            after = os.fstat(file.fileno())
    except OSError as error:
        raise of_error(error) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Unusable("changed", "it was written to while it was read")


def _check(found: os.stat_result, max_bytes: int | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unusable("not_a_file", "it is no regular file")
    if not found.st_size:
        raise Unusable("empty", "it holds no bytes")
    if max_bytes is not None and found.st_size > max_bytes:
        raise Unusable("too_large", f"it has {found.st_size:,} bytes, and the API takes {max_bytes:,}")


def of_error(error: OSError) -> Unusable:
    """Return why a file or a folder cannot be used."""
    match error:
        case PermissionError():
            code = "forbidden"
        case FileNotFoundError():
            code = "vanished"
        case IsADirectoryError():
            code = "not_a_file"
        case _:
            code = "io_error"
    return Unusable(code, error.strerror or type(error).__name__)
