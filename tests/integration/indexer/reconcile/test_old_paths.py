"""Rows of an older release are brought to the one form of paths, slice by slice and whatever comes in between."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch.catalog import images, naming
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import images as image_table
from imagesearch.catalog.tables import path_backlog
from imagesearch.contract import Reconcile
from imagesearch.files.uploads import Uploads
from imagesearch_indexer.reconcile import old_paths
from imagesearch_indexer.reconcile.old_paths import resolve_old_paths
from imagesearch_indexer.reconcile.run import reconcile
from support.world import World

pytestmark = pytest.mark.integration


def respell(world: World, name: str, spelled: str) -> None:
    """Call an image as an older release would have."""
    with world.catalog.transaction() as tx:
        tx.execute(
            sa.update(image_table)
            .where(image_table.c.path == f"{world.root}/{name}")
            .values(path=f"{world.root}/{spelled}", uploaded=False)
        )


def open_backlog(world: World) -> None:
    """Do what the migration does where there are images."""
    with world.catalog.transaction() as tx:
        tx.execute(sa.insert(path_backlog).values(reached=0))


def is_open(world: World) -> bool:
    with world.catalog.transaction() as tx:
        return tx.execute(sa.select(path_backlog)).first() is not None


def images_by_name(world: World) -> dict[str, images.Image]:
    with world.catalog.transaction() as tx:
        rows = tx.execute(sa.select(*(image_table.c[name] for name in images.Image.__dataclass_fields__)))
        return {row.path.removeprefix(f"{world.root}/"): images.Image(*row) for row in rows}


def test_rows_keep_their_ids_and_vectors_under_their_one_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_paths, "SLICE", 2)
    names = [f"a/{index}.jpg" for index in range(7)]
    world.write(*names)
    (world.root / "folder").symlink_to("a")
    world.run(world.root / "a")
    before = images_by_name(world)
    for index, name in enumerate(names[:6]):
        respell(world, name, ("a/../", "folder/../", "./")[index % 3] + name)
    respell(world, names[6], "folder/6.jpg")
    open_backlog(world)
    assert resolve_old_paths(world.indexer, dry_run=True).count == 1
    assert resolve_old_paths(world.indexer, dry_run=False).count == 7
    assert images_by_name(world) == before
    assert not is_open(world)
    assert resolve_old_paths(world.indexer, dry_run=False).count == 0
    assert world.run(world.root / "a").unchanged == 7
    world.check()


def test_of_two_rows_of_one_file_one_is_left(world: World) -> None:
    world.write("a.jpg", "b.jpg", "twin of a.jpg", "twin of b.jpg")
    world.run(world.root)
    kept = images_by_name(world)["a.jpg"].id, images_by_name(world)["twin of b.jpg"].id
    respell(world, "twin of a.jpg", "./a.jpg")
    respell(world, "twin of b.jpg", "./b.jpg")
    with world.catalog.transaction() as tx:
        rows = naming.lock(tx, world.collection(), [images_by_name(world)["b.jpg"].id])
        naming.unname(tx, world.collection(), rows.values(), ImageState.FAILED)
    open_backlog(world)
    for _ in range(3):
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert not is_open(world)
    assert (images_by_name(world)["a.jpg"].id, images_by_name(world)["b.jpg"].id) == kept
    assert len(images_by_name(world)) == 2
    world.check()


def test_a_row_takes_the_name_of_its_twin_that_is_not_indexed(world: World) -> None:
    world.write("a.jpg", "other.jpg")
    world.run([world.root / "other.jpg"])
    kept = images_by_name(world)["other.jpg"].id
    world.submit([world.root / "a.jpg"])
    with world.catalog.transaction() as tx:
        images.ensure_rows(tx, world.collection().id, [f"{world.root}/a.jpg"], "", {})
    respell(world, "other.jpg", "./a.jpg")
    open_backlog(world)
    resolve_old_paths(world.indexer, dry_run=False)
    assert not is_open(world)
    assert {name: image.id for name, image in images_by_name(world).items()} == {"a.jpg": kept}


def test_old_uploads_get_their_mark_and_what_pretends_to_be_one_gets_none(world: World) -> None:
    world.upload_root = world.root / "uploads"
    uploads = Uploads(world.upload_root)
    world.write("a.jpg", "b.jpg", "library/x.jpg", "d.jpg")
    world.run(world.root)
    collection = world.collection()
    digest = hashlib.sha256(b"a.jpg").hexdigest()
    mine = uploads.path_of(collection.id, "anna", digest, "JPEG")
    foreign = uploads.path_of(collection.id + 1, "anna", digest, "JPEG")
    uploads.store(mine, b"a.jpg")
    for name, path in (("a.jpg", mine), ("b.jpg", foreign), ("d.jpg", uploads.root / "holiday.jpg")):
        respell(world, name, str(path.relative_to(world.root)))
    respell(world, "library/x.jpg", f"uploads/{collection.id}/../../library/x.jpg")
    open_backlog(world)
    resolve_old_paths(world.indexer, dry_run=False)
    marked = {name for name, image in images_by_name(world).items() if image.uploaded}
    assert marked == {str(mine.relative_to(world.root))}
    assert "library/x.jpg" in images_by_name(world)
    world.delete_ids([image.id for image in images_by_name(world).values()])
    world.collect()
    assert not mine.exists()
    assert (world.root / "library" / "x.jpg").exists()


def test_a_change_that_waits_follows_its_image_to_its_name(world: World) -> None:
    world.write("a.jpg")
    world.run(world.root)
    respell(world, "a.jpg", "./a.jpg")
    [image] = images_by_name(world).values()
    with world.catalog.transaction() as tx:
        single_image.begin(tx, image, Labels("anna", {"year": 1999}))
    open_backlog(world)
    resolve_old_paths(world.indexer, dry_run=False)
    with world.catalog.transaction() as tx:
        found, waiting = single_image.look_up(tx, image.id, collection_id=image.collection_id)
    assert found.path == f"{world.root}/a.jpg"
    assert waiting is not None
    assert waiting.labels == Labels("anna", {"year": 1999})


def test_what_cannot_be_resolved_stays_as_it_is(world: World, tmp_path: Path) -> None:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    deep = tmp_path
    for _ in range(11):
        deep = deep / ("d" * 240)
        deep.mkdir()
    (world.root / "deep").symlink_to(deep)
    respell(world, "a.jpg", "deep/a.jpg")
    respell(world, "b.jpg", "gone/b.jpg")
    open_backlog(world)
    resolve_old_paths(world.indexer, dry_run=False)
    assert sorted(images_by_name(world)) == ["deep/a.jpg", "gone/b.jpg"]
    assert not is_open(world)


def test_two_processes_do_not_work_on_it_at_once(world: World) -> None:
    world.write("a.jpg")
    world.run(world.root)
    respell(world, "a.jpg", "./a.jpg")
    open_backlog(world)
    with world.catalog.transaction() as tx:
        tx.execute(sa.select(path_backlog).with_for_update())
        assert resolve_old_paths(world.indexer, dry_run=False).count == 0
    assert resolve_old_paths(world.indexer, dry_run=False).count == 1


def test_a_link_out_of_the_roots_renames_nothing(world: World, tmp_path: Path) -> None:
    world.upload_root = world.root / "uploads"
    uploads = Uploads(world.upload_root)
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    victim = uploads.path_of(world.collection().id, "", "ab" * 32, "PNG")
    uploads.store(victim, b"upload")
    with world.catalog.transaction() as tx:
        images.ensure_rows(tx, world.collection().id, [str(victim)], "", {})
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    for name, target in (("a.jpg", tmp_path / "secret.jpg"), ("b.jpg", victim)):
        (world.root / name).unlink()
        (world.root / name).symlink_to(target)
    open_backlog(world)
    resolve_old_paths(world.indexer, dry_run=False)
    assert not is_open(world)
    states = {name: image.state for name, image in images_by_name(world).items()}
    assert states == {"a.jpg": "indexed", "b.jpg": "indexed", str(victim.relative_to(world.root)): "pending"}
