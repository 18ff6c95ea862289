"""List the source of a job: a directory or a manifest, from behind the place that planning has reached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagesearch.catalog.jobs import Job
from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.catalog.states import JobOrigin
from imagesearch.errors import PictureRejected, SourceRejected
from imagesearch.failures import FailureCode
from imagesearch.files.facts import mtime_ns
from imagesearch.files.manifests import Line, Manifest
from imagesearch.files.paths import (
    facts_of,
    is_among_uploads,
    open_file,
    open_stored,
    resolve_directory,
    resolve_file,
)
from imagesearch.files.roots import Roots
from imagesearch.files.walk import Entry, walk


@dataclass(frozen=True, slots=True)
class Listed:
    """Hold one path of a source.

    Attributes:
        entry: what lies there; its path is the image's.
        name: what the ledger calls it.
        cursor: where the listing goes on behind it.
        labels: what the source gives to this path alone.
    """

    entry: Entry
    name: str
    cursor: str
    labels: Labels = NO_LABELS


def listing(job: Job, roots: Roots) -> Iterator[Listed]:
    """Yield what planning has not reached yet.

    Raises:
        SourceRejected: with the first step or a later one, the source cannot be read any more.
    """
    roots = job.tenancy.roots_within(roots)
    if job.manifest is not None:
        yield from _manifest(job, job.manifest, roots)
        return
    directory = resolve_directory(job.directory or "", roots)
    for name, entry in walk(directory, roots, recursive=job.recursive, after=job.planned_up_to):
        yield Listed(entry, entry.path, name)


def look_at(path: str, roots: Roots) -> Entry:
    """Return what lies at a path, under its one name, or why it cannot be read."""
    try:
        resolved = resolve_file(path, roots)
        found = resolved.stat()
    except PictureRejected as error:
        return Entry(path, 0, 0, error.code, error.reason)
    except OSError:
        return Entry(path, 0, 0, FailureCode.VANISHED, "no file lies at the path any more")
    return Entry(str(resolved), found.st_size, mtime_ns(found))


def look_again(job: Job, path: str, roots: Roots) -> Entry:
    """Return what lies at a path of the ledger.

    Where the service itself has something read again, that may be an upload, by the very path that the catalogue
    has: no link leads to one. A file that is gone is left to the extractor: its image, which has lost its vector,
    has a row that is still to be told so.
    """
    entry = _look_again(job, path, job.tenancy.roots_within(roots))
    is_repaired = job.origin is JobOrigin.REPAIR and entry.failure == FailureCode.VANISHED
    return Entry(path, 0, 0) if is_repaired else entry


def _look_again(job: Job, path: str, roots: Roots) -> Entry:
    if not job.reads_uploads or not is_among_uploads(path, roots):
        return look_at(path, roots)
    try:
        with open_stored(path, roots) as file:
            found = facts_of(file)
    except PictureRejected as error:
        return Entry(path, 0, 0, error.code, error.reason)
    return Entry(path, found.st_size, mtime_ns(found))


def _manifest(job: Job, path: str, roots: Roots) -> Iterator[Listed]:
    reached = job.planned_up_to
    try:
        with open_file(path, roots) as file:
            facts = os.fstat(file.fileno())
            # A manifest that was written anew in between has other lines at the same offsets.
            version = f"{facts.st_size} {facts.st_mtime_ns}"
            offset, number, known = _parse_cursor(reached) if reached is not None else (0, 0, version)
            if known != version:
                raise SourceRejected("missing", "the manifest has changed since its reading began")
            for line in Manifest(Path(path), file).lines(offset=offset, number=number):
                entry = _entry(job, path, line, roots)
                place = f"{line.end} {line.last} {version}"
                yield Listed(entry, entry.path, place, Labels(line.partition, line.metadata, line.key))
    except PictureRejected as error:
        raise SourceRejected("missing", f"the manifest: {error.reason}") from error
    except OSError as error:
        raise SourceRejected("missing", "the file system failed while the manifest was read") from error


def _parse_cursor(reached: str) -> tuple[int, int, str]:
    offset, number, version = reached.split(" ", 2)
    return int(offset), int(number), version


def _entry(job: Job, manifest: str, line: Line, roots: Roots) -> Entry:
    error = line.error
    if line.partition is not None and not job.tenancy.holds_partition(line.partition):
        error = "partition: the API key is bound to another one"
    if error:
        return Entry(f"{manifest}:{line.number}", 0, 0, FailureCode.INVALID_LINE, f"line {line.number}: {error}")
    return look_at(line.path, roots)
