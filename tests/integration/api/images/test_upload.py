"""Jobs of one picture: what gets lost on the way is done by reconciliation, and what is deleted leaves no file."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch.access.tenants import NOBODY
from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.tables import images as image_table
from imagesearch.catalog.tables import job_batches, job_items, stray_files
from imagesearch.catalog.tables import jobs as job_table
from imagesearch.contract import (
    ExtractBatch,
    ExtractedImage,
    IndexBatch,
    JobState,
    Reconcile,
    TaskName,
    pack_vectors,
)
from imagesearch.errors import Conflict
from imagesearch.files.roots import UploadStore
from imagesearch.files.uploads import Uploads
from imagesearch_api.images.upload import upload
from imagesearch_api.services import Services
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.lifecycle.uploaded_files import remove_stray_files
from imagesearch_indexer.reconcile import expired
from imagesearch_indexer.reconcile.run import reconcile
from support.drawing import encoded, photo_like
from support.uploading import look_at_stray_files
from support.world import MODEL, World, vector_of

pytestmark = pytest.mark.integration

LABELS = Labels("anna", {"year": 1999})


@pytest.fixture
def uploads(world: World, tmp_path: Path) -> Uploads:
    """Where the world's uploads are kept."""
    world.upload_root = tmp_path.resolve() / "uploads"
    return Uploads(world.upload_root)


@pytest.fixture
def begun(world: World) -> tuple[Image, str, int]:
    """An uploaded picture whose row and job are committed and whose message was never sent."""
    world.write("picture.png")
    with world.catalog.transaction() as tx:
        collection, _ = collections.create(tx, "default")
        path = str(world.root / "picture.png")
        image = images.ensure_rows(tx, collection.id, [path], "anna", {})[path]
        job_id, batch_id = single_image.begin(tx, image, LABELS)
    return image, job_id, batch_id


def message(image: Image, job_id: str, batch_id: int) -> IndexBatch:
    data = b"picture.png"
    facts = ExtractedImage(image.id, "ab" * 32, len(data), time.time_ns(), 8, 8, "PNG", 0)
    vectors = pack_vectors(np.array([vector_of(data)]))
    return IndexBatch(job_id, batch_id, MODEL, (facts,), vectors, (), ())


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


def test_a_deleted_upload_takes_its_file_along_and_no_other(world: World, uploads: Uploads) -> None:
    with world.catalog.transaction() as tx:
        collection, _ = collections.create(tx, "default")
        other, _ = collections.create(tx, "other")
    uploaded = uploads.path_of(collection.id, "anna", "ab" * 32, "PNG")
    neighbour = uploads.path_of(other.id, "anna", hashlib.sha256(b"bytes").hexdigest(), "PNG")
    [library] = world.write("library.png")
    for path in (uploaded, neighbour):
        uploads.store(path, b"bytes")
    with world.catalog.transaction() as tx:
        paths = [str(uploaded), str(neighbour), str(library)]
        rows = images.ensure_rows(tx, collection.id, paths, "anna", {})
        images.mark_uploaded(tx, rows[str(uploaded)].id)
        # Its row says so, but that is not where an upload of its collection lies.
        images.mark_uploaded(tx, rows[str(neighbour)].id)
    world.delete_ids([row.id for row in rows.values()])
    assert uploaded.exists(), "a delete leaves files to those who collect them"
    assert remove_stray_files(world.indexer) == 2
    assert [path.exists() for path in (uploaded, neighbour, library)] == [False, True, True]
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, other)
    finish_deletes(world.indexer, other.id)
    assert not (uploads.root / str(other.id)).exists()


@pytest.fixture
def services(uploads: Uploads, services_with: Callable[[UploadStore], Services]) -> Services:
    return services_with(uploads)


def test_an_upload_notes_its_path_to_be_looked_at_when_it_has_stored_its_file_or_never_will(
    world: World, services: Services
) -> None:
    made = upload(services.writes, "default", encoded(photo_like(1), "PNG"), "anna", {}, owner=NOBODY)
    with world.catalog.transaction() as tx:
        [noted] = tx.execute(sa.select(stray_files)).all()
        minutes = (noted.look_after - tx.execute(sa.select(sa.func.clock_timestamp())).scalar_one()).seconds / 60
    assert (noted.collection_id, noted.path) == (made.image.collection_id, made.image.path)
    assert 50 < minutes <= 60
    assert look_at_stray_files(world) == 1
    assert Path(made.image.path).exists(), "an image has it"


def test_a_file_that_is_stored_after_its_image_was_deleted_is_removed_in_its_time(
    world: World, services: Services, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = uploads.drafted

    @contextmanager
    def delete_first(path: Path, data: bytes) -> Iterator[Callable[[], os.stat_result]]:
        def delete_and_place() -> os.stat_result:
            with world.catalog.transaction() as tx:
                image_id = tx.execute(sa.select(image_table.c.id)).scalar_one()
            world.delete_ids([image_id])
            assert remove_stray_files(world.indexer) == 1
            return place()

        with drafted(path, data) as place:
            yield delete_and_place

    monkeypatch.setattr(uploads, "drafted", delete_first)
    with pytest.raises(Conflict, match="deleted while"):
        upload(services.writes, "default", encoded(photo_like(1), "PNG"), "anna", {}, owner=NOBODY)
    [left] = [path for path in uploads.root.rglob("*") if path.is_file()]
    assert look_at_stray_files(world) == 1
    assert not left.exists()


def rows_of(world: World, job_id: str) -> list[int]:
    """Return how many rows of a job there are: in jobs, batches and the ledger."""
    with world.catalog.transaction() as tx:
        tables = (
            (job_table, job_table.c.id),
            (job_batches, job_batches.c.job_id),
            (job_items, job_items.c.job_id),
        )
        return [
            tx.execute(sa.select(sa.func.count()).select_from(table).where(column == job_id)).scalar_one()
            for table, column in tables
        ]


def let_pass(world: World, job_id: str, **values: object) -> None:
    """Let a job have ended longer ago than single-image jobs are kept."""
    ended = sa.func.now() - world.settings.keep_single_image_jobs - timedelta(seconds=1)
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(job_table).where(job_table.c.id == job_id).values(finished_at=ended, **values))


def forgotten(world: World, *, dry_run: bool = False) -> int:
    found = {
        finding.kind: finding.count
        for finding in reconcile(world.indexer, Reconcile(dry_run=dry_run, deep=True)).findings
    }
    return found.get("single_jobs_ended", 0)


def test_a_job_of_one_picture_is_forgotten_some_time_after_its_end(
    world: World, begun: tuple[Image, str, int]
) -> None:
    image, job_id, _ = begun
    assert forgotten(world) == 0, "it has not ended"
    index_batch(world.indexer, message(*begun))
    assert forgotten(world) == 0, "it has just ended"
    let_pass(world, job_id)
    assert (forgotten(world, dry_run=True), rows_of(world, job_id)) == (1, [1, 1, 1])
    assert (forgotten(world), rows_of(world, job_id)) == (1, [0, 0, 0])
    index_batch(world.indexer, message(*begun))
    with world.catalog.transaction() as tx:
        assert images.get(tx, image.id).metadata == {"year": 1999}
    world.check()


def test_more_jobs_than_one_transaction_removes_are_forgotten(
    world: World, begun: tuple[Image, str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expired, "SLICE", 2)
    job_ids = [begun[1]]
    with world.catalog.transaction() as tx:
        job_ids += [single_image.begin(tx, begun[0], LABELS)[0] for _ in range(4)]
        tx.execute(sa.update(job_items).values(outcome="unchanged"))
    for job_id in job_ids:
        let_pass(world, job_id)
    assert forgotten(world) == 5
    assert [rows_of(world, job_id) for job_id in job_ids] == [[0, 0, 0]] * 5


def test_what_is_still_needed_is_not_forgotten(world: World, begun: tuple[Image, str, int]) -> None:
    submitted = world.run([world.root / "picture.png"])
    let_pass(world, submitted.id)
    # Its row says that it has ended, and a path of it still waits.
    let_pass(world, begun[1])
    assert forgotten(world) == 0
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(job_items).values(outcome="unchanged"))
    let_pass(world, begun[1], idempotency_key="asked for by name")
    assert forgotten(world) == 0
    assert rows_of(world, submitted.id)[0] == rows_of(world, begun[1])[0] == 1


def test_a_job_that_is_being_retried_is_passed_over(world: World, begun: tuple[Image, str, int]) -> None:
    index_batch(world.indexer, message(*begun))
    let_pass(world, begun[1])
    with world.catalog.transaction() as tx:
        jobs.lock(tx, begun[1])
        assert forgotten(world) == 0
    assert forgotten(world) == 1


def test_files_that_outlived_their_collection_are_removed_and_no_others(world: World, uploads: Uploads) -> None:
    indexer = world.indexer
    with world.catalog.transaction() as tx:
        gone, _ = collections.create(tx, "gone")
        kept, _ = collections.create(tx, "kept")
    unknown = gone.id + kept.id + 1_000
    digest = hashlib.sha256(b"picture").hexdigest()
    files = {
        collection_id: uploads.path_of(collection_id, "", digest, "PNG")
        for collection_id in (gone.id, kept.id, unknown)
    }
    library = uploads.root / "a library" / "picture.png"
    foreign = uploads.path_of(gone.id, "", "ab" * 32, "PNG")
    with world.catalog.transaction() as tx:
        collections.mark_deleted(tx, gone)
    for path in (*files.values(), library, foreign):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    found = reconcile(indexer, Reconcile(dry_run=True, deep=True))
    assert [
        collection_id.count
        for collection_id in found.findings
        if collection_id.kind == "uploads_without_collection"
    ] == [1]
    assert files[gone.id].exists()
    reconcile(indexer, Reconcile(dry_run=False, deep=True))
    assert [files[collection_id].exists() for collection_id in (gone.id, kept.id, unknown)] == [False, True, True]
    assert library.exists()
    assert foreign.exists(), "its name is not the digest of what it holds"
    foreign.unlink()
    assert not reconcile(indexer, Reconcile(dry_run=False, deep=True)).findings
    assert not (uploads.root / str(gone.id)).exists()
    assert not reconcile(indexer, Reconcile(dry_run=False, deep=True)).findings
