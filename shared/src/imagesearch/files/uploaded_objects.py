"""Keep uploaded pictures as objects of an object store, under the paths that they would have as files."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Literal
from uuid import uuid4

import structlog

from imagesearch.errors import StoreUnavailable
from imagesearch.files.object_file import ObjectFile
from imagesearch.files.objects import ObjectFacts, ObjectStore
from imagesearch.files.upload_paths import DRAFT, FILE, UploadPaths, is_abandoned

log = structlog.get_logger()

SLICE = 1_000
"""Objects that are removed in one call."""


class UploadedObjects(UploadPaths):
    """Store and remove uploaded pictures in an object store.

    The paths are those of `Uploads`; the key of an object is what follows the root. So a directory can be copied
    into a store as it is. Every method raises `StoreUnavailable` where the store does not do what it is asked for.
    """

    def __init__(self, root: Path, objects: ObjectStore) -> None:
        """Keep in `objects` what would lie beneath `root`, where nothing is."""
        super().__init__(root)
        self.objects = objects

    def open(self, path: str) -> ObjectFile:
        """Open an upload for reading; the caller closes it.

        Raises:
            FileNotFoundError: there is none.
            StoreUnavailable: the store does not answer.
        """
        parts = self.parts(path)
        key = "/".join(parts or ())
        facts = self.objects.facts(key) if parts is not None else None
        if facts is None:
            raise FileNotFoundError("no object lies at the path")
        return ObjectFile(self.objects, key, facts)

    def store(self, path: Path, data: bytes) -> ObjectFacts:
        """Write an object wholly or not at all, and return what is known of it.

        Raises:
            StoreUnavailable: the store did not take it.
            ValueError: `path_of` gives no such path.
        """
        with self.drafted(path, data) as place:
            return place()

    @contextmanager
    def drafted(self, path: Path, data: bytes) -> Iterator[Callable[[], ObjectFacts]]:
        """Write what an object will hold, and yield what puts it there; unless that is called, nothing stays.

        Raises:
            StoreUnavailable: the store did not take it.
            ValueError: `path_of` gives no such path.
        """
        parts = self.parts(str(path))
        if parts is None:
            raise ValueError("no upload lies at such a path")
        key = "/".join(parts)
        draft = None
        if not self._holds(key, data):
            draft = _beside(key)
            self.objects.put(draft, data)

        def place() -> ObjectFacts:
            # Its time is the store's, which whoever looks at it later is told.
            if not self._holds(key, data):
                self.objects.put(key, data)
            return self.objects.facts(key) or ObjectFacts(len(data), time.time_ns())

        try:
            yield place
        finally:
            if draft is not None:
                self._drop(draft)

    def remove(self, path: str, is_wanted: Callable[[], bool]) -> None:
        """Remove an upload that no image has; nothing happens where the path is not an upload's.

        A store cannot rename. The object is copied aside, removed, and asked for once more: what an image has by
        then is put back. A process that dies in between leaves the copy, and whoever looks next puts that back.

        Args:
            path: where it lies.
            is_wanted: tells whether an image has that path now.

        Raises:
            StoreUnavailable: the store did not remove it.
        """
        parts = self.parts(path)
        if parts is None:
            return
        key = "/".join(parts)
        left = [draft for draft, _ in self.objects.listed(_beside(key, parts[-1], unique=""))]
        if not is_wanted():
            with suppress(FileNotFoundError):
                self._set_aside(key, _beside(key, parts[-1]), is_wanted)
        for draft in left:
            # Its name is the digest of its bytes: one that was stored meanwhile is the same.
            if is_wanted() and self.objects.facts(key) is None:
                with suppress(FileNotFoundError):
                    self.objects.put(key, self._whole(draft))
            self.objects.delete([draft])

    def collections(self) -> set[int]:
        """Return the ids of collections that have objects here."""
        return self.collection_ids(self.objects.folders())

    def clear(self, collection_id: int, *, dry_run: bool = False) -> int:
        """Remove what uploads left behind of a collection that is gone; return how many objects.

        This removes what has an upload's name, and abandoned drafts. Everything else stays.

        Raises:
            StoreUnavailable: the store did not remove all.
        """
        removed = 0
        leavings = (key for key, facts in self.objects.listed(f"{collection_id}/") if _is_leftover(key, facts))
        while keys := tuple(islice(leavings, SLICE)):
            removed += len(keys)
            if not dry_run:
                self.objects.delete(keys)
        return removed

    def files(self, collection_id: int) -> Iterator[str]:
        """Yield the paths of a collection's uploads.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        for key, _ in self.objects.listed(f"{collection_id}/"):
            if FILE.fullmatch(key):
                yield f"{self.root}/{key}"

    def state(self, path: str, *, contents: bool = False) -> Literal["whole", "missing", "damaged"]:
        """Tell whether an upload is there, and is what its name says.

        Args:
            path: where it lies.
            contents: read it; otherwise an object that is not empty is taken for whole.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        try:
            with self.open(path) as file:
                if not file.facts.st_size:
                    return "damaged"
                digest = hashlib.file_digest(file, "sha256").hexdigest() if contents else None
        except FileNotFoundError:
            return "missing"
        return "whole" if digest in (None, Path(path).name.partition(".")[0]) else "damaged"

    def ping(self) -> None:
        """Ask the store something small.

        Raises:
            StoreUnavailable: it does not answer.
        """
        self.objects.facts(".probe")

    def probe(self) -> None:
        """Write, read and remove something beside the uploads.

        Raises:
            StoreUnavailable: one of these is not possible.
        """
        key, data = f".probe.{uuid4().hex}", b"probe"
        self.objects.put(key, data)
        try:
            if self.objects.facts(key) is None or self.objects.get(key, 0, len(data)) != data:
                raise FileNotFoundError("what was written is not there")
        finally:
            self.objects.delete([key])

    def _holds(self, key: str, data: bytes) -> bool:
        """Tell whether an object holds these bytes, by its name and size."""
        facts = self.objects.facts(key)
        return facts is not None and facts.st_size == len(data)

    def _whole(self, key: str) -> bytes:
        facts = self.objects.facts(key)
        if facts is None:
            raise FileNotFoundError("no object has the key")
        return self.objects.get(key, 0, facts.st_size) if facts.st_size else b""

    def _set_aside(self, key: str, aside: str, is_wanted: Callable[[], bool]) -> None:
        data = self._whole(key)
        self.objects.put(aside, data)
        self.objects.delete([key])
        # Whoever wants it since has committed that before he looked whether it is there.
        if is_wanted():
            self.objects.put(key, data)
        self.objects.delete([aside])

    def _drop(self, draft: str) -> None:
        try:
            self.objects.delete([draft])
        except StoreUnavailable as error:
            # What was to be stored is stored, or its own error is on its way; the draft goes with its collection.
            log.warning("upload.draft_left", key=draft, reason=str(error))


def _beside(key: str, name: str = "", *, unique: str | None = None) -> str:
    """Return a key beside another that no upload has: of a draft, or of what was set aside under its name."""
    folder = key.rpartition("/")[0]
    return f"{folder}/.{name}{'.' if name else ''}{uuid4().hex if unique is None else unique}"


def _is_leftover(key: str, facts: ObjectFacts) -> bool:
    return is_abandoned(facts.st_mtime_ns) if DRAFT.fullmatch(key) else FILE.fullmatch(key) is not None
