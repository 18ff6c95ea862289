"""Remove what uploads left behind of collections that are deleted."""

from __future__ import annotations

import structlog

from imagesearch.errors import StoreUnavailable
from imagesearch.files.roots import UploadStore

log = structlog.get_logger()


def clear_uploads(uploads: UploadStore | None, collection_id: int, *, dry_run: bool = False) -> int:
    """Remove what uploads left behind in the directory of a collection that is gone; return how many files."""
    if uploads is None:
        return 0
    try:
        return uploads.clear(collection_id, dry_run=dry_run)
    except (OSError, StoreUnavailable) as error:
        log.warning("uploads.not_cleared", collection=collection_id, reason=str(error))
        return 0
