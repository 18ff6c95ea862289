"""Store and index a picture in a `World` the way the API takes an upload, and let its file be looked at."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from imagesearch.catalog import collections, images, stray_files, tables
from imagesearch.catalog.states import JobOrigin
from imagesearch.files.uploads import Uploads
from imagesearch_indexer.lifecycle.uploaded_files import remove_stray_files
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


def look_at_stray_files(world: World) -> int:
    """Let the time of every noted path come, and look; return at how many."""
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(tables.stray_files).values(look_after=sa.func.clock_timestamp()))
    return remove_stray_files(world.indexer)
