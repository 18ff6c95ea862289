"""Read an object of an object store as if it were a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from imagesearch.files.objects import ObjectFacts, ObjectStore

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 20
"""As much of an object is in memory while it is sent to somebody."""


class ObjectFile(io.BufferedReader):
    """Read an object as if it were a file; the object is asked for a block at a time.

    Attributes:
        facts: what was known of it when it was opened.
    """

    def __init__(self, objects: ObjectStore, key: str, facts: ObjectFacts) -> None:
        """Open an object, of which nothing is read yet."""
        super().__init__(_RawObject(objects, key, facts.st_size), BLOCK)
        self.facts = facts


class _RawObject(io.RawIOBase):
    """Read an object by ranges."""

    def __init__(self, objects: ObjectStore, key: str, size: int) -> None:
        super().__init__()
        self._objects, self._key, self._size, self._at = objects, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = min(len(view), self._size - self._at)
        if count <= 0:
            return 0
        data = self._objects.get(self._key, self._at, count)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
