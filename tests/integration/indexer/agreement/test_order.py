"""Answers, uploads, deletes and restores that come in the wrong order: no clock says what is newer."""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from itertools import permutations

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, naming, stray_files
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import ExtractBatch, IndexBatch, PlanJob, TaskName
from imagesearch.files.uploads import Uploads
from imagesearch.settings import PostgresSettings
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.uploaded_files import remove_stray_files
from imagesearch_indexer.tasks import plan_job
from integration.conftest import Stores
from support.agreement import check_agreement
from support.dying import Before
from support.lagging import LaggingStore
from support.reindexing import SMOOTH, finish, meddle, on
from support.repairing import forget_sent
from support.uploading import upload
from support.world import BAD, World

pytestmark = pytest.mark.integration


def answer_now(world: World) -> IndexBatch:
    """Submit all files, and return what an extractor answers of them as they are now.

    Other jobs do not wait for the answer: it comes so late that it was given up, or an older release sent for it.
    """
    world.plan(world.submit(world.root))
    forget_sent(world)
    (batch,) = [one for one in world.taken(TaskName.EXTRACT) if isinstance(one, ExtractBatch)]
    return world.extract(batch)


CONTENTS = (b"first", b"second", BAD)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_readings_in_any_order_end_with_what_the_file_holds(world: World, order: tuple[int, ...]) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    answers = []
    for content in CONTENTS:
        path.write_bytes(content)
        answers.append(answer_now(world))
    path.write_bytes(b"the last")
    for index in order:
        index_batch(world.indexer, answers[index])
    world.work()
    world.run(world.root)
    check_agreement(world)
    with world.catalog.transaction() as tx:
        assert tx.execute(sa.select(image_table.c.sha256)).scalar_one() == hashlib.sha256(b"the last").hexdigest()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_wrong_changes_nothing(world: World, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    path.write_bytes(b"second")
    late = answer_now(world)
    path.write_bytes(b"third")
    real = time.time
    with monkeypatch.context() as shifted:
        shifted.setattr(time, "time", lambda: real() + hours * 3600)
        assert world.run(world.root).indexed == 1
    index_batch(world.indexer, late)
    world.work()
    check_agreement(world)
    assert world.run(world.root).unchanged == 1


def test_a_picture_that_is_deleted_and_indexed_again_is_another_one(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    before = world.keys("a.jpg")
    path.write_bytes(b"changed")
    late = answer_now(world)
    world.delete("a.jpg")
    assert world.run(world.root).indexed == 1
    index_batch(world.indexer, late)
    assert world.keys("a.jpg") != before
    check_agreement(world)


def test_an_upload_while_two_deletes_of_it_run_keeps_its_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.upload_root = world.root / "uploads"
    uploads = Uploads(world.upload_root)
    path = upload(world, uploads, b"somebody's own")
    world.delete(path.name)
    real, again = stray_files.is_wanted, []

    def is_wanted(tx: object, stray: object) -> bool:
        answer = real(tx, stray)  # type: ignore[arg-type]
        if not again:
            # Right after the first look another process deletes, uploads, and goes on to remove.
            again.append(upload(world, uploads, b"somebody's own"))
            world.delete(path.name)
            remove_stray_files(world.indexer)
            again.append(upload(world, uploads, b"somebody's own"))
        return answer

    monkeypatch.setattr(stray_files, "is_wanted", is_wanted)
    remove_stray_files(world.indexer)
    assert len(again) == 2
    assert path.read_bytes() == b"somebody's own"
    check_agreement(world)
    assert path.exists()


def test_an_upload_that_dies_before_its_row_is_indexed_leaves_no_file(world: World) -> None:
    world.upload_root = world.root / "uploads"
    uploads = Uploads(world.upload_root)
    path = upload(world, uploads, b"somebody's own")
    with world.catalog.transaction() as tx:
        held = collections.lock_shared(tx, world.collection().id)
        [image_id] = tx.execute(sa.select(image_table.c.id)).scalars()
        naming.delete(tx, held, [image_id])
    remove_stray_files(world.indexer)
    # The upload was slow: it stores its file behind the delete and whoever looked for it.
    uploads.store(path, b"somebody's own")
    check_agreement(world)
    assert not path.exists()


def copy_of(stores: Stores, world: World) -> PostgresSettings:
    """Back the catalogue up."""
    url = world.catalog._engine.url
    world.catalog.close()
    return stores.create_database(str(url.database))


def test_a_catalogue_from_a_backup_beside_newer_vectors(stores: Stores, world: World) -> None:
    paths = world.write(*(f"{index}.jpg" for index in range(6)))
    world.run(world.root)
    backup = copy_of(stores, world)
    paths[0].write_bytes(b"changed behind the backup")
    world.run(world.root)
    world.delete("1.jpg")
    world.write("new.jpg")
    world.run(world.root, partition="moved")
    world.collect()
    with closing(Catalog(backup)) as restored:
        old = replace(world, catalog=restored)
        check_agreement(old)
        assert old.run(world.root).failed == 0
        check_agreement(old)


def test_vectors_from_a_backup_beside_a_newer_catalogue(world: World, store: LaggingStore) -> None:
    paths = world.write(*(f"{index}.jpg" for index in range(6)))
    world.run(world.root)
    backup = deepcopy(store.written._collections)
    paths[0].write_bytes(b"changed behind the backup")
    world.run(world.root)
    world.delete("1.jpg")
    world.write("new.jpg")
    world.run(world.root)
    world.collect()
    store.written._collections = backup
    store.catch_up()
    check_agreement(world)
    assert set(world.states().values()) == {"indexed"}


def test_a_backup_from_before_a_switch(stores: Stores, world: World) -> None:
    world.write(*(f"{index}.jpg" for index in range(6)))
    world.run(world.root)
    backup = copy_of(stores, world)
    finish(world, world.submit_reindex(preprocessing=SMOOTH))
    with closing(Catalog(backup)) as restored:
        old = replace(world, catalog=restored)
        unknown = set(world.vectors.collections())
        old.vectors.drop_collection(*unknown)
        check_agreement(old)
        assert set(old.states().values()) == {"indexed"}


@pytest.mark.parametrize("method", ["ensure_collection", "fetch_vectors", "upsert", "keys", "compact"])
@pytest.mark.parametrize("extracts", [False, True], ids=["copy", "extract"])
def test_a_build_beside_everything_else(world: World, method: str, extracts: bool) -> None:
    paths = world.write(*(f"{index:03}.jpg" for index in range(12)))
    world.run(world.root)
    paths[8].write_bytes(b"changed, and nobody has said so")
    paths[9].unlink()
    job_id = world.submit_reindex(preprocessing=SMOOTH if extracts else None)
    plan_job(on(world, Before(world.vectors, method, lambda: meddle(world))), PlanJob(job_id))
    finish(world, job_id)
    check_agreement(world)


@pytest.mark.parametrize(
    ("before", "newer", "state"),
    [
        pytest.param(None, BAD, "failed", id="refused for the first time"),
        pytest.param(BAD, BAD, "failed", id="refused once more"),
        pytest.param(b"once", BAD, "failed", id="taken away"),
        pytest.param(b"once", b"once", "indexed", id="found as it was"),
    ],
)
def test_a_reading_from_before_another_one_does_not_bring_its_bytes_back(
    world: World, before: bytes | None, newer: bytes, state: str
) -> None:
    (path,) = world.write("a.jpg", content=before)
    if before is not None:
        world.run(world.root)
    path.write_bytes(b"early")
    early = answer_now(world)
    path.write_bytes(newer)
    index_batch(world.indexer, answer_now(world))
    index_batch(world.indexer, early)
    world.work()
    digest = hashlib.sha256(newer).hexdigest() if state == "indexed" else None
    with world.catalog.transaction() as tx:
        assert tx.execute(sa.select(image_table.c.state, image_table.c.sha256)).one() == (state, digest)
    check_agreement(world)


def test_a_file_that_goes_back_while_a_build_knows_otherwise(world: World) -> None:
    paths = world.write("a.jpg", "b.jpg")
    world.run(world.root)
    paths[0].write_bytes(b"for a moment")
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    answers = [world.extract(one) for one in world.taken(TaskName.EXTRACT) if isinstance(one, ExtractBatch)]
    for answer in answers:
        index_batch(world.indexer, answer)
    paths[0].write_bytes(b"a.jpg")
    assert world.run(world.root).done == 2
    finish(world, job_id)
    check_agreement(world)
    with world.catalog.transaction() as tx:
        digests = set(tx.execute(sa.select(image_table.c.sha256)).scalars())
    assert digests == {hashlib.sha256(name).hexdigest() for name in (b"a.jpg", b"b.jpg")}
