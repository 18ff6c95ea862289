"""Keep the files of exports: a folder for each job, its parts and what describes them, as objects of a store."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final
from uuid import UUID

from imagesearch.files.bucket import Bucket
from imagesearch.files.folder_objects import FolderObjects
from imagesearch.files.object_file import ObjectFile
from imagesearch.files.objects import ObjectStore
from imagesearch.settings import ExportSettings, SourceSettings

STORE: Final = "exports"
"""What errors and metrics call it."""
MANIFEST: Final = "manifest.json"
SLICE = 1_000
"""Objects that are removed in one call."""


class Exports:
    """Write, read and remove the files of exports; every method raises `StoreUnavailable`."""

    def __init__(self, objects: ObjectStore) -> None:
        """Keep them in a store, or a part of one, that is theirs alone."""
        self._objects = objects

    def write(self, job_id: str, name: str, data: bytes) -> None:
        """Write a file of an export wholly or not at all."""
        self._objects.put(f"{job_id}/{name}", data)

    def open(self, job_id: str, name: str) -> ObjectFile:
        """Open a file of an export for reading; the caller closes it.

        Raises:
            FileNotFoundError: there is none.
        """
        key = f"{job_id}/{name}"
        facts = self._objects.facts(key)
        if facts is None:
            raise FileNotFoundError("there is no such file of the export")
        return ObjectFile(self._objects, key, facts)

    def remove(self, job_id: str, *, but: Iterable[str] = ()) -> int:
        """Remove the files of an export except some, given by their names; return how many."""
        kept = {f"{job_id}/{name}" for name in but}
        found = (key for key, _ in self._objects.listed(f"{job_id}/") if key not in kept)
        removed = 0
        while keys := list(islice(found, SLICE)):
            self._objects.delete(keys)
            removed += len(keys)
        return removed

    def job_ids(self) -> set[str]:
        """Return the jobs that have files here."""
        return {name for name in self._objects.folders() if _is_id(name)}


def exports_of(settings: ExportSettings, sources: SourceSettings) -> Exports | None:
    """Return where exports are kept; None where nothing is exported."""
    if settings.exports_url:
        endpoint, timeout = sources.uploads_endpoint_url, sources.uploads_timeout
        return Exports(Bucket(settings.exports_url, endpoint, timeout, STORE))
    return Exports(FolderObjects(settings.export_root, STORE)) if settings.export_root is not None else None


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
