"""Jobs of one picture: what gets lost on the way is done by reconciliation, and what is deleted leaves no file."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, images, jobs, singles
from imagesearch.catalog.images import Image
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.tables import job_batches
from imagesearch.contract import (
    ExtractBatch,
    ExtractedImage,
    IndexBatch,
    JobState,
    Reconcile,
    TaskName,
    pack_vectors,
)
from imagesearch.uploads import folder_of, path_of, store
from imagesearch_indexer.deleting import finish_deletes
from imagesearch_indexer.indexing import index_batch
from imagesearch_indexer.reconciling import reconcile
from integration.world import MODEL, World, vector_of

pytestmark = pytest.mark.integration

LABELS = Labels("anna", {"year": 1999})


@pytest.fixture
def begun(world: World) -> tuple[Image, str, int]:
    """An uploaded picture whose row and job are committed and whose message was never sent."""
    world.write("picture.png")
    with world.catalog.transaction() as tx:
        collection, _ = collections.create(tx, "default")
        path = str(world.root / "picture.png")
        image = images.ensure_rows(tx, collection.id, [path], "anna", {})[path]
        job_id, batch_id = singles.begin(tx, image, LABELS)
    return image, job_id, batch_id


def message(image: Image, job_id: str, batch_id: int) -> IndexBatch:
    data = b"picture.png"
    facts = ExtractedImage(image.id, "ab" * 32, len(data), time.time_ns(), 8, 8, "PNG")
    vectors = pack_vectors(np.array([vector_of(data)]))
    return IndexBatch(job_id, batch_id, MODEL, time.time(), (facts,), vectors, (), ())


def check(world: World, image: Image, job_id: str) -> None:
    with world.catalog.transaction() as tx:
        row = images.get(tx, image.id)
    assert (row.state, row.partition, row.metadata) == ("indexed", "anna", {"year": 1999})
    assert (world.job(job_id).state, world.job(job_id).indexed) == (JobState.SUCCEEDED, 1)
    world.check()


def test_the_batch_is_written_although_nothing_was_planned_before(
    world: World, begun: tuple[Image, str, int]
) -> None:
    for _ in range(2):
        index_batch(world.indexer, message(*begun))
    check(world, begun[0], begun[1])


def test_a_message_that_was_never_sent_is_made_up_for(world: World, begun: tuple[Image, str, int]) -> None:
    image, job_id, _ = begun
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(job_batches).values(leased_until=sa.func.now() - timedelta(seconds=1)))
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    [batch] = world.taken(TaskName.EXTRACT)
    assert isinstance(batch, ExtractBatch)
    assert [item.image_id for item in batch.items] == [image.id]
    index_batch(world.indexer, world.extract(batch))
    check(world, image, job_id)


def test_a_job_of_one_picture_is_not_listed(world: World, begun: tuple[Image, str, int]) -> None:
    with world.catalog.transaction() as tx:
        assert jobs.newest(tx, limit=10) == []


def test_a_deleted_upload_takes_its_file_along_and_no_other(world: World) -> None:
    with world.catalog.transaction() as tx:
        collection, _ = collections.create(tx, "default")
        other, _ = collections.create(tx, "other")
    uploaded = path_of(world.root, collection.id, "anna", "ab" * 32, "PNG")
    neighbour = path_of(world.root, other.id, "anna", "ab" * 32, "PNG")
    [library] = world.write("library.png")
    for path in (uploaded, neighbour):
        store(path, b"bytes")
    with world.catalog.transaction() as tx:
        paths = [str(uploaded), str(neighbour), str(library)]
        rows = images.ensure_rows(tx, collection.id, paths, "anna", {})
        images.mark_deleting(tx, collection.id, [row.id for row in rows.values()])
    indexer = replace(world.indexer, upload_root=world.root)
    assert finish_deletes(indexer, collection.id) == 3
    assert [path.exists() for path in (uploaded, neighbour, library)] == [False, True, True]
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, other)
    finish_deletes(indexer, other.id)
    assert not folder_of(world.root, other.id).exists()
