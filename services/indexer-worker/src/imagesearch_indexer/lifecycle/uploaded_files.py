"""Remove the files of uploads whose images, or whose whole collection, are deleted."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from imagesearch.catalog.image_deletion import File
from imagesearch.files.uploads import Uploads

log = structlog.get_logger()


def remove_files(uploads: Uploads | None, collection_id: int, files: Sequence[File]) -> None:
    """Remove those of the files that are uploads; a library's own are never among them.

    A row of an older release may have no mark yet. No other file than an upload of its collection can have such a
    path: what lies in the directory of uploads is no source.
    """
    if uploads is None:
        return
    for file in files:
        if not (file.uploaded or uploads.is_place(file.path, collection_id)):
            continue
        try:
            uploads.remove(file.path)
        except OSError as error:
            # It is found by nobody any more, and must not keep its image from being deleted.
            log.warning("upload.not_removed", reason=str(error))


def clear_uploads(uploads: Uploads | None, collection_id: int, *, dry_run: bool = False) -> int:
    """Remove what uploads left behind in the directory of a collection that is gone; return how many files."""
    if uploads is None:
        return 0
    try:
        return uploads.clear(collection_id, dry_run=dry_run)
    except OSError as error:
        log.warning("uploads.not_cleared", collection=collection_id, reason=str(error))
        return 0
