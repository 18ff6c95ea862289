"""`python -m imagesearch.admin verify-uploads`: compare the rows of uploaded pictures with their files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, Literal

from imagesearch.catalog import collections, image_queries, stray_files
from imagesearch.catalog.engine import Catalog
from imagesearch.files.roots import Roots, UploadStore
from imagesearch.settings import SourceSettings

PAGE = 1_000
STRAY_AFTER = timedelta(hours=1)
"""A file without a row may be one whose upload is on its way: it is looked at when that has long ended."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Name one place where the catalogue and the files do not agree.

    Attributes:
        state: ``missing``: an image has no file; ``damaged``: a file is not what its name says; ``stray``: a file
            has no image.
        collection_id: whose upload it is.
        path: where the file lies, or should.
        image_id: None for a stray file.
    """

    state: Literal["missing", "damaged", "stray"]
    collection_id: int
    path: str
    image_id: int | None = None


def differences(catalog: Catalog, uploads: UploadStore, *, contents: bool) -> Iterator[Difference]:
    """Compare the uploads of every collection, a thousand rows or files at a time.

    What does not agree is looked at once more before it is told of. An upload whose file is being written has its
    row already: it may be told of as missing, and is not when somebody looks again.

    Args:
        catalog: the rows.
        uploads: the files.
        contents: read each file as well, and compare its digest with its name.

    Raises:
        OSError: the file system does not allow it.
        StoreUnavailable: Postgres went away, or the object store of uploads.
    """
    behind = 0
    while True:
        with catalog.reading() as tx:
            collection = collections.next_active(tx, behind=behind)
        if collection is None:
            return
        behind = collection.id
        yield from _without_file(catalog, uploads, collection.id, contents=contents)
        yield from _without_image(catalog, uploads, collection.id)


def _without_file(
    catalog: Catalog, uploads: UploadStore, collection_id: int, *, contents: bool
) -> Iterator[Difference]:
    directory, after = str(uploads.root / str(collection_id)), ""
    while True:
        with catalog.reading() as tx:
            page = image_queries.below(tx, collection_id, directory, after=after, limit=PAGE)
        if not page:
            return
        after = page[-1].path
        states = {row.id: uploads.state(row.path, contents=contents) for row in page if row.uploaded}
        doubted = [row for row in page if states.get(row.id, "whole") != "whole"]
        if doubted:
            with catalog.reading() as tx:
                there = image_queries.existing(tx, [row.id for row in doubted])
            for row in doubted:
                state = uploads.state(row.path, contents=contents)
                if row.id in there and state != "whole":
                    yield Difference(state, collection_id, row.path, row.id)


def _without_image(catalog: Catalog, uploads: UploadStore, collection_id: int) -> Iterator[Difference]:
    files = uploads.files(collection_id)
    while paths := list(islice(files, PAGE)):
        with catalog.reading() as tx:
            known = image_queries.ids_of_paths(tx, collection_id, paths)
        strays = (path for path in paths if path not in known)
        yield from (
            Difference("stray", collection_id, path) for path in strays if uploads.state(path) != "missing"
        )


def verify_uploads(catalog: Catalog, options: argparse.Namespace) -> int:
    """Print a line for each difference, and return 1 where an image has no whole file.

    Raises:
        ValueError: this process knows no directory of uploads.
    """
    uploads = Roots.of(SourceSettings()).upload_store
    if uploads is None:
        raise ValueError("UPLOAD_ROOT is not set: uploads are switched off here.")
    counts = {"missing": 0, "damaged": 0, "stray": 0}
    for found in differences(catalog, uploads, contents=options.contents):
        counts[found.state] += 1
        line = json.dumps(asdict(found)) if options.json else f"{found.state}\t{found.path}"
        sys.stdout.write(f"{line}\n")
        if found.state == "stray" and options.remove_strays:
            with catalog.transaction() as tx:
                stray_files.note(tx, found.collection_id, [found.path], after=STRAY_AFTER)
    sys.stderr.write(", ".join(f"{count} {state}" for state, count in counts.items()) + "\n")
    return 1 if counts["missing"] or counts["damaged"] else 0


def add_verify_uploads(parts: Any) -> None:
    """Add the verb to a command line."""
    parser = parts.add_parser("verify-uploads", help="compare uploaded pictures with their files, after a restore")
    parser.add_argument("--contents", action="store_true", help="read each file and compare its digest")
    parser.add_argument(
        "--remove-strays", action="store_true", help="have files without an image removed, an hour from now"
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON each")
    parser.set_defaults(run=verify_uploads)
