"""Export a collection in a job: whole, killed at every call, and while everything about it changes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, exports, jobs
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import JobKind, JobState, PlanJob, TaskName
from imagesearch.errors import Conflict, NotFound, Shortage, StoreFull, StoreUnavailable
from imagesearch.files.exports import Exports
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_indexer.exports import job as export_job
from imagesearch_indexer.reconcile.exports import remove_exports, remove_late_exports
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reindex import builder
from imagesearch_indexer.reindex.builder import follow_switch
from imagesearch_indexer.tasks import plan_job
from support.dying import Before, Dying
from support.objects import MemoryObjects
from support.reindexing import finish, on
from support.world import World, vector_of

pytestmark = pytest.mark.integration

EACH = 512 * 4
"""Bytes of a vector."""


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def world(world: World, objects: MemoryObjects, monkeypatch: pytest.MonkeyPatch) -> World:
    """Nine pictures, of which a part has four and a row group two."""
    monkeypatch.setattr(export_job, "SLICE_BYTES", 2 * EACH)
    monkeypatch.setattr(export_job, "PART_BYTES", 4 * EACH)
    world = replace(world, vectors=InMemoryVectorStore(), exports=Exports(objects))
    world.write(*(f"{index}.jpg" for index in range(8)))
    world.run(world.root, metadata={"of": "Zoë"})
    world.write("aside/8.jpg")
    assert world.run(world.root / "aside", partition="aside").indexed == 1
    return world


def submit(world: World, partition: str | None = None) -> str:
    with world.catalog.transaction() as tx:
        collection = collections.get(tx, "default")
        options = {"partition": partition, "generation": collection.generation}
        wanted = jobs.NewJob(
            id=str(uuid4()), origin=JobOrigin.V2, directory=None, kind=JobKind.EXPORT, options=options
        )
        job = jobs.create(tx, collection.id, wanted)
        exports.create(tx, job.id)
    return job.id


def manifest(objects: MemoryObjects, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(objects.held[f"{job_id}/manifest.json"][0])
    return found


def rows(world: World, objects: MemoryObjects, job_id: str) -> dict[str, dict[str, Any]]:
    """Return what an export holds, by the names of files; what it says of itself is so."""
    said = manifest(objects, job_id)
    names = {f"{job_id}/{part['name']}" for part in said["parts"]}
    assert {key for key in objects.held if key.startswith(job_id)} == {*names, f"{job_id}/manifest.json"}
    found: list[dict[str, Any]] = []
    for part in said["parts"]:
        data = objects.held[f"{job_id}/{part['name']}"][0]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (part["bytes"], part["sha256"])
        file = pq.ParquetFile(io.BytesIO(data))
        assert json.loads(file.schema_arrow.metadata[b"imagesearch"])["fingerprint"] == said["fingerprint"]
        read = file.read().to_pylist()
        assert len(read) == part["rows"]
        found += read
    assert len(found) == said["rows"]
    by_name = {Path(row["path"]).name: row for row in found}
    # None twice, and in the order of their ids.
    assert len(by_name) == len(found)
    assert [row["id"] for row in found] == sorted(row["id"] for row in found)
    for row in by_name.values():
        assert row["vector"] == vector_of(world.contents[row["sha256"]]).tolist()
    with world.catalog.reading() as tx:
        kept = exports.get(tx, job_id)
    assert (kept.rows, kept.parts) == (said["rows"], len(said["parts"]))
    return by_name


ALL = {f"{index}.jpg" for index in range(9)}


def test_each_image_is_exported_once_with_its_vector(world: World, objects: MemoryObjects) -> None:
    job = finish(world, submit(world))
    assert (job.state, job.total, job.unchanged) == (JobState.SUCCEEDED, 9, 9)
    found = rows(world, objects, job.id)
    assert found.keys() == ALL
    said = manifest(objects, job.id)
    assert [part["rows"] for part in said["parts"]] == [4, 4, 1]
    collection = world.collection()
    expected = (collection.model, collection.fingerprint, 512, "default", 0)
    assert tuple(said[name] for name in ("model", "fingerprint", "dimension", "collection", "lost")) == expected
    first = found["0.jpg"]
    assert (first["partition"], json.loads(first["metadata"]), first["key"]) == ("", {"of": "Zoë"}, None)
    assert (first["size"], first["sha256"]) == (5, hashlib.sha256(b"0.jpg").hexdigest())
    assert found["8.jpg"]["partition"] == "aside"
    world.check()


def test_a_vector_reads_as_numpy_and_a_row_group_is_a_slice(world: World, objects: MemoryObjects) -> None:
    job_id = finish(world, submit(world)).id
    [first, *_] = manifest(objects, job_id)["parts"]
    file = pq.ParquetFile(io.BytesIO(objects.held[f"{job_id}/{first['name']}"][0]))
    assert [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)] == [2, 2]
    column = file.read(columns=["vector"])["vector"].combine_chunks()
    numbers = column.flatten().to_numpy(zero_copy_only=True).reshape(-1, 512)
    assert numbers.dtype == np.float32
    assert np.allclose(np.linalg.norm(numbers, axis=1), 1, atol=1e-5)


def test_a_partition_is_exported_alone(world: World, objects: MemoryObjects) -> None:
    job_id = finish(world, submit(world, "aside")).id
    assert rows(world, objects, job_id).keys() == {"8.jpg"}
    assert manifest(objects, job_id)["partition"] == "aside"
    nothing = finish(world, submit(world, "nobody's"))
    assert (nothing.state, nothing.total, rows(world, objects, nothing.id)) == (JobState.SUCCEEDED, 0, {})


def test_an_export_may_be_killed_at_any_call_to_a_store(world: World, objects: MemoryObjects) -> None:
    deaths, has_died = 0, True
    while has_died:
        deaths += 1
        job_id = submit(world)
        try:
            plan_job(on(world, Dying(world.vectors, deaths, before=False)), PlanJob(job_id))
            has_died = False
        except StoreUnavailable:
            assert finish(world, job_id).state == JobState.SUCCEEDED
        assert rows(world, objects, job_id).keys() == ALL
    assert deaths > 4


class Killed(BaseException):
    """The death of a process."""


@pytest.mark.parametrize("is_done", [False, True])
def test_an_export_may_be_killed_at_any_call_to_where_it_is_kept(
    world: World, objects: MemoryObjects, is_done: bool
) -> None:
    deaths, has_died = 0, True
    while has_died:
        deaths += 1
        dies_at = len(objects.calls) + deaths
        job_id = submit(world)
        objects.before = _die(objects, dies_at, is_done=is_done)
        try:
            world.plan(job_id)
            has_died = False
        except Killed:
            objects.before = lambda call, key: None
            assert finish(world, job_id).state == JobState.SUCCEEDED
        assert rows(world, objects, job_id).keys() == ALL
    assert deaths > 4


def _die(objects: MemoryObjects, at: int, *, is_done: bool) -> Callable[[str, str], None]:
    def before(call: str, key: str) -> None:
        if len(objects.calls) >= at:
            if is_done and call == "put":
                objects.held[key] = b"what was written last", 0
            raise Killed

    return before


def test_a_full_disk_is_waited_for_by_nobody_and_ends_nothing(world: World, objects: MemoryObjects) -> None:
    def full(call: str, _: str) -> None:
        if call == "put":
            raise StoreFull("exports", Shortage.DISK, "in this test")

    job_id = submit(world)
    objects.before = full
    plan_job(world.indexer, PlanJob(job_id))
    # Reconciliation asks again, as it does for every plan that got lost.
    assert world.taken(TaskName.PLAN) == []
    assert (world.job(job_id).state, world.job(job_id).needs_planner) == (JobState.RUNNING, True)
    objects.before = lambda call, key: None
    assert finish(world, job_id).state == JobState.SUCCEEDED
    assert rows(world, objects, job_id).keys() == ALL


def test_a_writer_that_stood_still_adds_nothing(world: World, objects: MemoryObjects) -> None:
    job_id = submit(world)

    def another_is_faster(call: str, _: str) -> None:
        if call == "put":
            objects.before = lambda call, key: None
            assert finish(world, job_id).state == JobState.SUCCEEDED

    objects.before = another_is_faster
    world.plan(job_id)
    said = manifest(objects, job_id)
    assert (said["rows"], world.job(job_id).total) == (9, 9)
    world.check_ledger(job_id)


def test_a_lost_vector_fails_and_the_rest_is_exported(world: World, objects: MemoryObjects) -> None:
    world.vectors.delete(
        world.collection().vector_collection, [key for key in world.keys("3.jpg", "8.jpg") if key]
    )
    job = finish(world, submit(world))
    assert (job.state, job.unchanged, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 7, 2)
    assert rows(world, objects, job.id).keys() == ALL - {"3.jpg", "8.jpg"}
    assert manifest(objects, job.id)["lost"] == 2
    assert world.outcomes(job.id) == {"3.jpg": "vector_lost", "8.jpg": "vector_lost"}
    world.check_ledger(job.id)
    with world.catalog.transaction() as tx, pytest.raises(Conflict, match="again"):
        jobs.reopen(tx, job.id)


def test_what_is_written_anew_meanwhile_has_a_vector_of_its_bytes(world: World, objects: MemoryObjects) -> None:
    """The vectors of the rows that were read are gone when they are asked for."""

    def change() -> None:
        for index in range(9):
            world.write(f"{'aside/' if index == 8 else ''}{index}.jpg", content=f"new {index}".encode())
        world.run(world.root)
        world.collect()

    job_id = submit(world)
    plan_job(on(world, Before(world.vectors, "fetch_vectors", change)), PlanJob(job_id))
    assert finish(world, job_id).state == JobState.SUCCEEDED
    found = rows(world, objects, job_id)
    assert found.keys() == ALL
    assert {row["sha256"] for row in found.values()} == {
        hashlib.sha256(f"new {index}".encode()).hexdigest() for index in range(9)
    }


def test_what_is_deleted_meanwhile_is_no_loss(world: World, objects: MemoryObjects) -> None:
    def delete() -> None:
        world.delete("0.jpg", "5.jpg")
        world.collect()

    job_id = submit(world)
    plan_job(on(world, Before(world.vectors, "fetch_vectors", delete)), PlanJob(job_id))
    assert finish(world, job_id).state == JobState.SUCCEEDED
    assert rows(world, objects, job_id).keys() == ALL - {"0.jpg", "5.jpg"}


def test_an_index_that_is_switched_to_meanwhile_is_read_on(world: World, objects: MemoryObjects) -> None:
    def switch() -> None:
        before = world.collection().vector_collection
        finish(world, world.submit_reindex(index_type="HNSW"))
        world.vectors.drop_collection(before)

    job_id = submit(world)
    plan_job(on(world, Before(world.vectors, "fetch_vectors", switch)), PlanJob(job_id))
    assert finish(world, job_id).state == JobState.SUCCEEDED
    assert rows(world, objects, job_id).keys() == ALL


def test_what_a_build_found_in_changed_files_is_exported_behind_the_switch(
    world: World, objects: MemoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[str] = []

    def export_first(*args: Any) -> bool:
        if not exported:
            # The row still says what it was.
            assert world.collection().switched_build is not None
            exported.append(submit(world))
            plan_job(world.indexer, PlanJob(exported[0]))
        return follow_switch(*args)

    monkeypatch.setattr(builder, "follow_switch", export_first)
    world.write("4.jpg", content=b"changed since")
    finish(world, world.submit_reindex(extract=True))
    found = rows(world, objects, exported[0])
    assert found.keys() == ALL
    assert found["4.jpg"]["sha256"] == hashlib.sha256(b"changed since").hexdigest()


def test_a_new_pipeline_ends_an_export_with_its_reason(world: World, objects: MemoryObjects) -> None:
    job_id = submit(world)
    impatient = replace(world.indexer, settings=world.settings.model_copy(update={"plan_seconds": 0.0}))
    plan_job(impatient, PlanJob(job_id))
    world.taken(TaskName.PLAN)
    assert world.job(job_id).done == 4
    finish(world, world.submit_reindex(preprocessing=Preprocessing(resize="bilinear")))
    job = finish(world, job_id)
    assert (job.state, "pipeline" in (job.error or "")) == (JobState.FAILED, True)
    look(world)
    assert objects.held == {}


def look(world: World, *, days: float = 7.0) -> None:
    """Have exports removed that nobody is to have, or that ended so long ago."""
    settings = world.settings.model_copy(update={"export_days": days})
    report = Report(dry_run=False, renew=lambda: None)
    remove_exports(replace(world.indexer, settings=settings), report)
    remove_late_exports(world.indexer, report, None)
    assert not [finding for finding in report.findings() if finding.kind == "error"]


def test_a_cancelled_export_leaves_nothing(world: World, objects: MemoryObjects) -> None:
    job_id = submit(world)
    impatient = replace(world.indexer, settings=world.settings.model_copy(update={"plan_seconds": 0.0}))
    plan_job(impatient, PlanJob(job_id))
    assert objects.held
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, job_id)
    assert finish(world, job_id).state == JobState.CANCELLED
    look(world)
    assert objects.held == {}
    with world.catalog.reading() as tx:
        assert exports.parts(tx, job_id, after=0, limit=9) == []


def test_exports_go_when_their_time_has_come_and_what_is_written_late_goes_too(
    world: World, objects: MemoryObjects
) -> None:
    kept, removed = finish(world, submit(world)).id, finish(world, submit(world)).id
    with world.catalog.transaction() as tx:
        exports.remove(tx, removed)
    look(world)
    assert {key.partition("/")[0] for key in objects.held} == {kept}
    objects.put(f"{removed}/part-00001-late.parquet", b"late")
    # What this catalogue has never heard of may be another one's.
    objects.put(f"{uuid4()}/part-00001-foreign.parquet", b"foreign")
    look(world)
    assert not [key for key in objects.held if key.startswith(removed)]
    assert any("foreign" in key for key in objects.held)
    with world.catalog.transaction() as tx:
        tx.execute(sa.text("UPDATE jobs SET finished_at = now() - :age"), {"age": timedelta(days=8)})
    look(world)
    assert {key for key in objects.held if "foreign" not in key} == set()
    with world.catalog.reading() as tx:
        assert exports.get(tx, kept).removed_at is not None


def test_an_indexer_that_has_no_place_for_exports_says_so(world: World) -> None:
    job = finish(replace(world, exports=None), submit(world))
    assert (job.state, "EXPORT_ROOT" in (job.error or "")) == (JobState.FAILED, True)


def test_a_job_of_another_kind_has_no_export(world: World) -> None:
    job_id = world.run(world.root).id
    with world.catalog.reading() as tx, pytest.raises(NotFound):
        exports.get(tx, job_id)
