"""An upload that comes twice under one key is made once, whatever became of the first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch.access.tenants import NOBODY, Owner, Tenancy
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.catalog.tables import images, jobs, keyed_requests
from imagesearch.errors import Conflict, ConflictCode, PictureRejected
from imagesearch.files.roots import UploadStore
from imagesearch.files.uploads import Uploads
from imagesearch_api.images.repeated_upload import digest_of_upload, upload_once
from imagesearch_api.images.upload import upload
from imagesearch_api.images.write import WriteResult, Writes
from imagesearch_api.services import Services
from support.drawing import encoded, photo_like
from support.world import World

pytestmark = pytest.mark.integration

KEY = IdempotencyKey("POST /api/v2/collections/default/images", "k")


@dataclass(frozen=True)
class Upload:
    data: bytes
    partition: str
    metadata: dict[str, int]


PICTURE = Upload(encoded(photo_like(1), "PNG"), "anna", {"a": 1})


@pytest.fixture
def writes(world: World, tmp_path: Path, services_with: Callable[[UploadStore], Services]) -> Writes:
    world.upload_root = tmp_path.resolve() / "uploads"
    return services_with(Uploads(world.upload_root)).writes


def once(writes: Writes, wanted: Upload, owner: Owner = NOBODY) -> WriteResult:
    said = wanted.partition, wanted.metadata
    make = partial(upload, writes, "default", wanted.data, *said, owner=owner)
    digest = digest_of_upload(wanted.data, *said, None)
    return upload_once(writes, "default", owner, make, key=KEY, digest=digest)


def made(world: World) -> tuple[int, int]:
    """Return how many images and jobs there are."""
    with world.catalog.reading() as tx:
        count = sa.select(sa.func.count())
        found = [tx.execute(count.select_from(table)).scalar_one() for table in (images, jobs)]
    return found[0], found[1]


def refusal(writes: Writes, wanted: Upload, owner: Owner = NOBODY) -> ConflictCode:
    with pytest.raises(Conflict) as caught:
        once(writes, wanted, owner)
    return caught.value.code


def test_what_comes_again_is_told_what_became_of_the_first(world: World, writes: Writes) -> None:
    first = once(writes, PICTURE)
    again = once(writes, PICTURE)
    assert (again.image.id, again.job_id, again.is_new) == (first.image.id, first.job_id, True)
    assert made(world) == (1, 1)
    for other in (replace(PICTURE, metadata={"a": 2}), replace(PICTURE, data=b"another")):
        assert refusal(writes, other) is ConflictCode.IDEMPOTENCY_KEY_USED
    bound = Owner(None, Tenancy(("default",), "bert"))
    assert refusal(writes, PICTURE, bound) is ConflictCode.IMAGE_DELETED, "nothing is told of another's picture"


def test_a_late_repetition_brings_no_deleted_picture_back(world: World, writes: Writes) -> None:
    first = once(writes, PICTURE)
    world.delete_ids([first.image.id])
    assert refusal(writes, PICTURE) is ConflictCode.IMAGE_DELETED
    assert made(world)[0] == 0


def test_a_refused_upload_leaves_its_key_free(writes: Writes) -> None:
    with pytest.raises(PictureRejected):
        once(writes, replace(PICTURE, data=b"not a picture"))
    assert once(writes, PICTURE).is_new


def test_what_was_cut_off_in_the_middle_is_done_again(world: World, writes: Writes) -> None:
    first = once(writes, PICTURE)
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(keyed_requests).values(answer=sa.null()))
    assert once(writes, PICTURE).image.id == first.image.id
    assert made(world)[0] == 1
