"""Uploads that lie in an object store are taken, sent and removed as those in a directory are."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch.access.tenants import NOBODY
from imagesearch.catalog import collections
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import Reconcile
from imagesearch.errors import StoreUnavailable
from imagesearch.files.roots import UploadStore
from imagesearch.files.uploaded_objects import UploadedObjects
from imagesearch.upload_check import differences
from imagesearch_api.app import create_app
from imagesearch_api.images.upload import upload
from imagesearch_api.services import Services
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.reconcile.run import reconcile
from support.drawing import encoded, photo_like
from support.objects import MemoryObjects
from support.uploading import look_at_stray_files
from support.world import World

pytestmark = pytest.mark.integration

DATA = encoded(photo_like(1), "PNG")


@pytest.fixture
def objects(world: World, tmp_path: Path) -> MemoryObjects:
    """Where the world's uploads are kept."""
    objects = MemoryObjects()
    world.upload_root = tmp_path.resolve() / "uploads"
    world.objects = UploadedObjects(world.upload_root, objects)
    return objects


@pytest.fixture
def services(world: World, objects: MemoryObjects, services_with: Callable[[UploadStore], Services]) -> Services:
    assert world.objects is not None
    return services_with(world.objects)


def rows(world: World) -> int:
    with world.catalog.reading() as tx:
        return int(tx.execute(sa.select(sa.func.count()).select_from(image_table)).scalar_one())


def test_an_upload_is_kept_as_an_object_and_goes_with_its_image(
    world: World, objects: MemoryObjects, services: Services
) -> None:
    made = upload(services.writes, "default", DATA, "anna", {}, owner=NOBODY)
    assert world.upload_root is not None
    assert [data for data, _ in objects.held.values()] == [DATA]
    assert made.image.path == str(world.upload_root / next(iter(objects.held)))
    assert not world.upload_root.exists()
    world.delete_ids([made.image.id])
    objects.is_away = True
    assert look_at_stray_files(world) == 1, "the first that fails ends the run"
    objects.is_away = False
    look_at_stray_files(world)
    assert not objects.held, "it was kept in mind"


def test_nothing_is_kept_of_an_upload_that_the_store_does_not_take(
    world: World, objects: MemoryObjects, services: Services
) -> None:
    objects.is_away = True
    with pytest.raises(StoreUnavailable):
        upload(services.writes, "default", DATA, "anna", {}, owner=NOBODY)
    assert rows(world) == 0


def test_a_collection_is_deleted_while_the_store_is_away(
    world: World, objects: MemoryObjects, services: Services
) -> None:
    made = upload(services.writes, "default", DATA, "anna", {}, owner=NOBODY)
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, collections.by_id(tx, made.image.collection_id))
    objects.is_away = True
    finish_deletes(world.indexer, made.image.collection_id)
    assert rows(world) == 0
    assert len(objects.held) == 1
    objects.is_away = False
    reconcile(world.indexer, Reconcile(dry_run=False, deep=True))
    assert not objects.held, "the next comparison of everything finds them"


def test_what_is_not_in_the_store_is_told(world: World, objects: MemoryObjects, services: Services) -> None:
    made = upload(services.writes, "default", DATA, "anna", {}, owner=NOBODY)
    assert world.objects is not None
    assert list(differences(world.catalog, world.objects, contents=True)) == []
    stray = world.objects.path_of(made.image.collection_id, "bert", "ab" * 32, "PNG")
    objects.put(str(stray.relative_to(world.objects.root)), b"bytes")
    objects.put(made.image.path.removeprefix(f"{world.objects.root}/"), b"damaged")
    found = {each.path: each.state for each in differences(world.catalog, world.objects, contents=True)}
    assert found == {made.image.path: "damaged", str(stray): "stray"}
    objects.is_away = True
    with pytest.raises(StoreUnavailable):
        list(differences(world.catalog, world.objects, contents=False))


def test_a_file_and_its_ranges_are_sent_from_the_store(
    world: World, objects: MemoryObjects, services: Services
) -> None:
    made = upload(services.writes, "default", DATA, "", {}, owner=NOBODY)
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(image_table).values(format="PNG", sha256="ab" * 32))
    client = create_app(services).test_client()
    url = f"/api/v2/images/{made.image.id}/file"
    whole = client.get(url)
    assert (whole.status_code, whole.data, whole.mimetype) == (HTTPStatus.OK, DATA, "image/png")
    part = client.get(url, headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.data) == (HTTPStatus.PARTIAL_CONTENT, DATA[3:10])
    thumbnail = client.get(f"/api/v2/images/{made.image.id}/thumbnail?size=128")
    assert (thumbnail.status_code, thumbnail.mimetype) == (HTTPStatus.OK, "image/jpeg")
    objects.is_away = True
    for kind in ("file", "thumbnail?size=129"):
        away = client.get(f"/api/v2/images/{made.image.id}/{kind}")
        assert away.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "Retry-After" in away.headers
    objects.is_away = False
    objects.held.clear()
    assert client.get(url).status_code == HTTPStatus.NOT_FOUND
