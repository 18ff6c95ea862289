"""Store and index a picture in a `World` the way the API takes an upload."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

from imagesearch.catalog import collections, images, stray_files
from imagesearch.catalog.states import JobOrigin
from imagesearch.files.uploads import Uploads
from support.world import World


def upload(world: World, uploads: Uploads, data: bytes = b"tenant's own") -> Path:
    """Return where the picture lies, once it is indexed."""
    with world.catalog.transaction() as tx:
        collection, _ = collections.create(tx, "default")
    path = uploads.path_of(collection.id, "", hashlib.sha256(data).hexdigest(), "PNG")
    with world.catalog.transaction() as tx:
        row = images.ensure_rows(tx, collection.id, [str(path)], "", {})[str(path)]
        images.mark_uploaded(tx, row.id)
        stray_files.note(tx, collection.id, [str(path)], after=timedelta(hours=1))
    uploads.store(path, data)
    world.run([path], origin=JobOrigin.REPAIR)
    assert world.states()[path.name] == "indexed"
    return path
