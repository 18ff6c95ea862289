"""Keep objects as files beneath a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from imagesearch.files.objects import ObjectFacts
from imagesearch.store_failures import full_disk

DRAFT = "."
"""Begins the names of files that are being written."""


class FolderObjects:
    """Keep objects as files beneath a directory, which is made with the first one: an `ObjectStore`.

    Keys are one folder and one name, made by this product and nobody else.
    """

    def __init__(self, root: Path, store: str) -> None:
        """Keep in `root`; `store` is what errors and metrics call it."""
        self.root = root
        self._store = store

    def put(self, key: str, data: bytes) -> None:
        """Write a file wholly or not at all, even if the power fails."""
        path = self.root / key
        draft = path.with_name(f"{DRAFT}{uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with draft.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            _sync(path.parent)
        except OSError as error:
            raise full_disk(self._store, error) from error

    def get(self, key: str, start: int, count: int) -> bytes:
        """Return so many bytes of a file, fewer at its end; raises `FileNotFoundError`, with its `errno`."""
        try:
            with (self.root / key).open("rb") as file:
                file.seek(start)
                return file.read(count)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise full_disk(self._store, error) from error

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files, and the folders that they leave empty; one that is not there is no error."""
        try:
            for key in keys:
                (self.root / key).unlink(missing_ok=True)
            for folder in {(self.root / key).parent for key in keys} - {self.root}:
                # Another file may lie there, or come at this moment.
                with suppress(OSError):
                    folder.rmdir()
        except OSError as error:
            raise full_disk(self._store, error) from error

    def facts(self, key: str) -> ObjectFacts | None:
        """Return what is known of a file; None where there is none."""
        try:
            found = (self.root / key).stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise full_disk(self._store, error) from error
        return ObjectFacts(found.st_size, found.st_mtime_ns)

    def listed(self, prefix: str) -> Iterator[tuple[str, ObjectFacts]]:
        """Yield the files of a folder whose keys begin so, drafts that somebody left included."""
        folder, _, name = prefix.partition("/")
        for found in sorted(self._names(self.root / folder)):
            key = f"{folder}/{found}"
            facts = self.facts(key) if found.startswith(name) else None
            if facts is not None:
                yield key, facts

    def folders(self) -> set[str]:
        """Return the names of the folders."""
        return {name for name in self._names(self.root) if (self.root / name).is_dir()}

    def _names(self, folder: Path) -> list[str]:
        try:
            return os.listdir(folder)  # noqa: PTH208 - names, not paths
        except FileNotFoundError:
            return []
        except OSError as error:
            raise full_disk(self._store, error) from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
