"""One file is one image, whatever it is called, and no job or deletion reaches a file through another's name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import images as image_table
from imagesearch.catalog.tables import path_backlog
from imagesearch.contract import JobState, Reconcile
from imagesearch.files.uploads import Uploads
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.reconcile.run import reconcile
from support.uploading import upload
from support.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def uploads(world: World) -> Uploads:
    """Uploads below the very directory that jobs index, as somebody who has one disk sets it up."""
    world.upload_root = world.root / "uploads"
    return Uploads(world.upload_root)


def rows(world: World) -> dict[str, tuple[int, str]]:
    """Return id and state of each image by its path below the root."""
    with world.catalog.transaction() as tx:
        found = tx.execute(sa.select(image_table.c.path, image_table.c.id, image_table.c.state)).all()
    return {row.path.removeprefix(f"{world.root}/"): (row.id, row.state) for row in found}


def run_list(world: World, *names: str) -> jobs.Job:
    """Submit names below the root as a caller spells them, and do all the work."""
    return world.run([f"{world.root}/{name}" for name in names])  # type: ignore[misc]


def delete_all(world: World) -> None:
    world.delete_ids([image_id for image_id, _ in rows(world).values()])
    world.collect()
    assert rows(world) == {}


def test_a_file_that_is_reached_through_the_uploads_is_the_librarys_and_stays(
    world: World, uploads: Uploads
) -> None:
    upload(world, uploads)
    [library] = world.write("library/x.jpg")
    collection_id = world.collection().id
    job = run_list(world, f"uploads/{collection_id}/../../library/x.jpg", "uploads/../library/x.jpg")
    assert (job.state, job.total, job.indexed) == (JobState.SUCCEEDED, 2, 2)
    assert rows(world)["library/x.jpg"][1] == "indexed"
    delete_all(world)
    assert library.exists()
    assert list(uploads.root.rglob("*.png")) == []


def test_names_of_one_file_are_one_image_and_cost_one_inference(world: World) -> None:
    world.write("a/x.jpg", "b.jpg")
    (world.root / "link.jpg").symlink_to("a/x.jpg")
    (world.root / "folder").symlink_to("a")
    names = ["a/x.jpg", "a//x.jpg", "./a/../a/./x.jpg", "link.jpg", "folder/x.jpg", "folder/../a/x.jpg", "b.jpg"]
    job = run_list(world, *names)
    assert (job.state, job.total, job.indexed) == (JobState.SUCCEEDED, len(names), len(names))
    assert world.inferences == 2
    assert sorted(rows(world)) == ["a/x.jpg", "b.jpg"]
    again = run_list(world, *reversed(names))
    assert (again.total, again.unchanged, world.inferences) == (len(names), len(names), 2)
    world.check()


def test_names_of_one_bad_file_fail_and_are_retried_together(world: World) -> None:
    (world.root / "link.jpg").symlink_to("x.jpg")
    job = run_list(world, "x.jpg", "link.jpg")
    assert (job.state, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 2)
    world.write("x.jpg")
    again = run_list(world, "link.jpg", "x.jpg")
    assert (again.state, again.indexed, world.inferences) == (JobState.SUCCEEDED, 2, 1)
    world.check()


def test_a_directory_with_links_counts_files_and_not_names(world: World) -> None:
    world.write("a/x.jpg", "a/.hidden/y.jpg")
    (world.root / "a" / "link.jpg").symlink_to("x.jpg")
    (world.root / "a" / "shown.jpg").symlink_to(".hidden/y.jpg")
    job = world.run(world.root / "a")
    assert (job.state, job.total, job.indexed) == (JobState.SUCCEEDED, 2, 2)
    assert sorted(rows(world)) == ["a/.hidden/y.jpg", "a/x.jpg"]
    again = world.run(world.root / "a", prune=True)
    assert (again.unchanged, again.removed, world.inferences) == (2, 0, 2)
    world.check()


def test_a_walk_that_is_cut_into_slices_at_links_loses_none(world: World) -> None:
    names = [f"{index:02}.jpg" for index in range(25)]
    world.write(*(f"z/{name}" for name in names))
    for name in names:
        (world.root / f"link {name}").symlink_to(f"z/{name}")
    job = world.run(world.root)
    assert (job.state, job.total, job.indexed) == (JobState.SUCCEEDED, 25, 25)
    assert world.inferences == 25
    world.check()


def test_a_link_that_leads_out_of_the_roots_fails_under_its_own_name(world: World, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    world.write("a.jpg")
    (world.root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    job = world.run(world.root)
    assert job.state == JobState.COMPLETED_WITH_FAILURES
    assert world.outcomes(job.id) == {"a.jpg": "indexed", "link.jpg": "forbidden"}


def test_a_link_that_changes_between_planning_and_extraction_changes_no_image(world: World) -> None:
    first, second = world.write("first.jpg", "second.jpg")
    link = world.root / "link.jpg"
    link.symlink_to(first)
    job_id = world.submit([link])
    world.plan(job_id)
    link.unlink()
    link.symlink_to(second)
    world.work()
    assert list(rows(world)) == ["first.jpg"]
    with world.catalog.transaction() as tx:
        [image] = images.indexed_by_ids(tx, [rows(world)["first.jpg"][0]]).values()
    assert image.sha256 == hashlib.sha256(b"first.jpg").hexdigest()


def test_uploads_are_no_source_of_a_list_a_directory_or_a_manifest(world: World, uploads: Uploads) -> None:
    path = upload(world, uploads)
    world.write("library/x.jpg")
    (world.root / "library" / "link.jpg").symlink_to(path)
    inferences = world.inferences
    named = str(path.relative_to(world.root))
    by_list = run_list(world, named, f"library/../{named}", "library/link.jpg")
    assert set(world.outcomes(by_list.id).values()) == {"forbidden"}
    by_directory = world.run(world.root, "other")
    assert world.outcomes(by_directory.id) == {"x.jpg": "indexed", "link.jpg": "forbidden"}
    lines = world.root / "lines.jsonl"
    lines.write_text(
        "\n".join(json.dumps({"path": name}) for name in (named, "library/link.jpg", "library/x.jpg"))
    )
    job = jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory=None, manifest=str(lines))
    with world.catalog.transaction() as tx:
        jobs.create(tx, world.collection("other").id, job)
    world.plan(job.id)
    world.work()
    assert world.outcomes(job.id) == {path.name: "forbidden", "link.jpg": "forbidden", "x.jpg": "unchanged"}
    assert world.inferences == inferences + 1


def test_an_upload_that_lost_its_vector_is_read_again(world: World, uploads: Uploads) -> None:
    path = upload(world, uploads)
    name = world.collection().vector_collection
    world.vectors.delete(name, world.vectors.keys(name))
    reconcile(world.indexer, Reconcile(dry_run=False, deep=True))
    world.work()
    assert rows(world)[str(path.relative_to(world.root))][1] == "indexed"
    world.check()


def test_a_collection_that_goes_takes_its_uploads_along_and_no_other_file(world: World, uploads: Uploads) -> None:
    path = upload(world, uploads)
    library = world.write("library/x.jpg", f"uploads/{world.collection().id}/album/y.jpg")
    run_list(world, "library/x.jpg")
    collection = world.collection()
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, collection)
    finish_deletes(world.indexer, collection.id)
    assert rows(world) == {}
    assert not path.exists()
    assert all(path.exists() for path in library)


@pytest.mark.parametrize("origin", [JobOrigin.REPAIR, JobOrigin.SINGLE_IMAGE, JobOrigin.V2])
def test_a_link_that_is_put_in_place_of_a_file_leads_no_job_to_an_upload(
    world: World, uploads: Uploads, origin: JobOrigin
) -> None:
    secret = upload(world, uploads)
    [library] = world.write("library/a.jpg")
    run_list(world, "library/a.jpg")
    before = rows(world)
    library.unlink()
    library.symlink_to(secret)
    job = world.run([library], "theirs", origin=origin)
    assert world.outcomes(job.id) == {"a.jpg": "forbidden"}
    again = world.run([library], origin=origin)
    assert world.outcomes(again.id) == {"a.jpg": "forbidden"}
    assert rows(world).keys() == before.keys()


def test_pruning_leaves_uploads_alone_also_when_their_disk_is_away(world: World, uploads: Uploads) -> None:
    path = upload(world, uploads)
    world.write("library/a.jpg", "library/gone.jpg")
    world.run(world.root)
    (world.root / "library" / "gone.jpg").unlink()
    uploads.root.rename(world.root.parent / "unmounted")
    uploads.root.mkdir()
    job = world.run(world.root, prune=True)
    assert job.removed == 1
    assert rows(world)[str(path.relative_to(world.root))][1] == "indexed"


def test_an_upload_of_an_older_release_goes_with_its_image_before_it_has_its_mark(
    world: World, uploads: Uploads
) -> None:
    path = upload(world, uploads)
    other = uploads.path_of(world.collection().id + 1, "", "ab" * 32, "PNG")
    uploads.store(other, b"another collection's")
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(image_table).values(uploaded=False))
        tx.execute(sa.insert(path_backlog).values(reached=0))
        images.ensure_rows(tx, world.collection().id, [str(other)], "", {})
    delete_all(world)
    assert not path.exists()
    assert other.exists()
