"""Changes of one image that are accepted while a store is slow: the next one begins with them, none is lost."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image as Pillow

from imagesearch.access.tenants import NOBODY
from imagesearch.catalog import images, naming
from imagesearch.catalog.images import Image
from imagesearch.catalog.tables import images as image_table
from imagesearch.catalog.tables import job_batches
from imagesearch.contract import IndexBatch, Reconcile, TaskName, UnchangedImage
from imagesearch.errors import Conflict, QueryTimeout
from imagesearch.files.uploads import Uploads
from imagesearch.wire import Message
from imagesearch_api import versions
from imagesearch_api.errors import VersionMismatch
from imagesearch_api.images import upload as upload_module
from imagesearch_api.images.labels import LabelsUpdate, update_labels
from imagesearch_api.images.single_deletion import delete_image
from imagesearch_api.images.upload import upload
from imagesearch_api.jobs import control
from imagesearch_api.services import Services
from imagesearch_api.versions import Expected
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.reconcile import lost_batches
from imagesearch_indexer.reconcile.run import reconcile
from support.api_twin import services_of
from support.world import MODEL, World, vector_of

pytestmark = pytest.mark.integration

NAME = "picture.png"
OLD = {"old": True}


@pytest.fixture(autouse=True)
def _look_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_batches, "SECOND_LOOK_SECONDS", 0.0)


@dataclass
class Slow:
    """An indexer that answers nobody in time: what it was handed lies here until the test delivers it."""

    held: list[IndexBatch] = field(default_factory=list)

    def __call__(self, task: TaskName, message: Message, timeout: float) -> Any:
        assert isinstance(message, IndexBatch), task
        self.held.append(message)
        raise QueryTimeout(f"no worker answered within {timeout:g} seconds")


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def services(world: World, slow: Slow) -> Services:
    """What the API's functions use, on the stores of the world and in front of a slow indexer."""
    return services_of(
        catalog=world.catalog,
        vectors=world.vectors,
        progress=world.progress,
        send=world.indexer.send,
        ask=slow,
        uploads=Uploads(world.root.parent / "uploads"),
        roots=world.roots,
    )


@pytest.fixture
def image_id(world: World) -> int:
    """An indexed picture in partition `anna` with some metadata."""
    world.write(NAME)
    assert world.run(world.root, partition="anna", metadata=OLD).indexed == 1
    return only(world).id


def only(world: World) -> Image:
    with world.catalog.transaction() as tx:
        return images.get(tx, tx.execute(sa.select(image_table.c.id)).scalar_one())


def accept(services: Services, image_id: int, **patch: Any) -> str:
    """Change the image; return the job that is to do it."""
    done = update_labels(services.writes, "default", image_id, LabelsUpdate(**patch), NOBODY)
    assert done.searchable_at is None
    assert done.job_id is not None
    return done.job_id


def lose(world: World) -> None:
    """Let every batch on its way be lost, and be sent again."""
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(job_batches).values(leased_until=sa.func.now() - timedelta(seconds=1)))
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()


def check(world: World, partition: str, metadata: dict[str, Any]) -> None:
    """Assert what the row says, that searches see the same, and that every job has ended."""
    row = only(world)
    assert (row.state, row.partition, row.metadata) == ("indexed", partition, metadata)
    vector = vector_of(Path(row.path).read_bytes())
    name = world.collection().vector_collection
    world.collect()
    world.vectors.count(name, strong=True)
    ((hit,),) = world.vectors.search(name, vector[None, :], limit=1, partition=partition)
    assert (hit.key, round(hit.distance, 3)) == (row.vector_key, 0.0)
    world.check()


def deliver(world: World, messages: list[IndexBatch]) -> None:
    for message in messages:
        index_batch(world.indexer, message)


def test_a_change_is_handed_over_without_its_vector(
    services: Services, slow: Slow, world: World, image_id: int
) -> None:
    row = only(world)
    accept(services, image_id, metadata={"a": 1})
    [message] = slow.held
    assert (message.images, message.vectors, message.failures) == ((), b"", ())
    seen = UnchangedImage(image_id, row.sha256 or "", row.size_bytes or 0, row.mtime_ns or 0, row.version)
    assert message.unchanged == (seen,)


def test_a_change_is_written_though_the_file_is_gone(
    world: World, services: Services, slow: Slow, image_id: int
) -> None:
    row = only(world)
    job_id = accept(services, image_id, metadata={"a": 1})
    data = Path(row.path).read_bytes()
    Path(row.path).unlink()
    lose(world)
    assert (world.job(job_id).indexed, world.job(job_id).failed) == (1, 0)
    Path(row.path).write_bytes(data)
    check(world, "anna", {**OLD, "a": 1})


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 1, 0]], ids=str)
def test_a_change_begins_with_those_that_wait_whatever_is_written_first(
    world: World, services: Services, slow: Slow, image_id: int, order: list[int]
) -> None:
    jobs = [
        accept(services, image_id, metadata={"a": 1, "b": {"c": 2}}),
        accept(services, image_id, metadata={"b": {"d": 3}, "old": None}),
        accept(services, image_id, partition="bert"),
    ]
    assert only(world).metadata == OLD, "nothing is written yet"
    deliver(world, [slow.held[index] for index in order])
    lose(world)
    check(world, "bert", {"a": 1, "b": {"c": 2, "d": 3}})
    assert [world.job(job_id).indexed + world.job(job_id).unchanged for job_id in jobs] == [1, 1, 1]


def test_changes_whose_messages_are_lost_are_made_up_for(world: World, services: Services, image_id: int) -> None:
    accept(services, image_id, metadata={"a": 1})
    accept(services, image_id, partition="bert", metadata={"b": 2})
    lose(world)
    check(world, "bert", {**OLD, "a": 1, "b": 2})


def test_emptying_forgets_what_waits_as_well(world: World, services: Services, slow: Slow, image_id: int) -> None:
    accept(services, image_id, metadata={"a": 1})
    accept(services, image_id, empties=True)
    accept(services, image_id, metadata={"b": 2})
    deliver(world, slow.held[::-1])
    check(world, "anna", {"b": 2})


def test_what_waits_already_is_not_written_twice(
    world: World, services: Services, slow: Slow, image_id: int
) -> None:
    job_id = accept(services, image_id, metadata={"a": 1})
    assert accept(services, image_id, metadata={"a": 1}) == job_id
    back = accept(services, image_id, metadata={"a": None})
    assert back != job_id, "the row has not changed, but what it is to become has"
    deliver(world, slow.held)
    check(world, "anna", OLD)


def test_a_cancelled_change_is_not_begun_with(world: World, services: Services, slow: Slow, image_id: int) -> None:
    control.cancel(services.jobs, accept(services, image_id, metadata={"a": 1}), NOBODY)
    accept(services, image_id, metadata={"b": 2})
    deliver(world, slow.held)
    check(world, "anna", {**OLD, "b": 2})


def test_a_file_that_is_read_again_meanwhile_keeps_no_accepted_change_away(
    world: World, services: Services, slow: Slow, image_id: int
) -> None:
    accept(services, image_id, metadata={"a": 1})
    world.write(NAME, content=b"changed meanwhile")
    assert world.run(world.root).indexed == 1
    deliver(world, slow.held)
    check(world, "anna", {**OLD, "a": 1})


def test_a_change_that_is_being_written_comes_before_the_next_one(
    world: World, services: Services, slow: Slow, image_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is accepted after the first one's labels were read, and before they are committed."""
    accept(services, image_id, metadata={"a": 1})
    real: Callable[..., None] = naming.name

    def name(*args: Any, **named: Any) -> None:
        monkeypatch.setattr(naming, "name", real)
        accept(services, image_id, metadata={"b": 2})
        real(*args, **named)

    monkeypatch.setattr(naming, "name", name)
    deliver(world, slow.held[:1])
    assert only(world).metadata == {**OLD, "a": 1}
    deliver(world, slow.held[1:])
    check(world, "anna", {**OLD, "a": 1, "b": 2})


@pytest.fixture
def uploaded(world: World, services: Services, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, int]:
    """The bytes of a picture that was uploaded to partition `anna`, and its id."""
    buffer = io.BytesIO()
    Pillow.new("RGB", (32, 24), (200, 40, 90)).save(buffer, "PNG")
    data = buffer.getvalue()
    monkeypatch.setattr(upload_module, "infer", lambda *_: (MODEL, [vector_of(data)]))
    world.run([])
    image_id = upload(services.writes, "default", data, "anna", OLD, owner=NOBODY).image.id
    deliver(world, slow.held)
    slow.held.clear()
    return data, image_id


def test_an_upload_begins_with_a_change_that_waits(
    world: World, services: Services, slow: Slow, uploaded: tuple[bytes, int]
) -> None:
    data, image_id = uploaded
    job_id = accept(services, image_id, metadata={"a": 1})
    again = upload(services.writes, "default", data, "anna", None, owner=NOBODY)
    assert (again.job_id, again.searchable_at) == (job_id, None), "what it would leave is on its way"
    back = upload(services.writes, "default", data, "anna", OLD, owner=NOBODY)
    assert back.job_id != job_id, "the row has these labels now, and would lose them"
    deliver(world, slow.held[::-1])
    check(world, "anna", OLD)
    accept(services, image_id, partition="bert")
    with pytest.raises(Conflict, match="another partition"):
        upload(services.writes, "default", data, "anna", OLD, owner=NOBODY)


def test_of_two_changes_that_are_meant_for_one_version_one_is_made(
    world: World, services: Services, slow: Slow, image_id: int
) -> None:
    seen = Expected(frozenset({versions.of_image(only(world))}))

    def change(name: str) -> str | None:
        update = LabelsUpdate(metadata={name: 1})
        try:
            return update_labels(services.writes, "default", image_id, update, NOBODY, expected=seen).job_id
        except VersionMismatch:
            return None

    with ThreadPoolExecutor(2) as pool:
        made = dict(zip("ab", pool.map(change, "ab"), strict=True))
    [winner] = [name for name, job_id in made.items() if job_id is not None]
    # What was accepted and is still to be written counts already, for deletions too.
    with pytest.raises(VersionMismatch):
        delete_image(services.deletes, "default", image_id, NOBODY, dry_run=False, expected=seen)
    deliver(world, slow.held)
    check(world, "anna", {**OLD, winner: 1})
    now = Expected(frozenset({versions.of_image(only(world))}))
    delete_image(services.deletes, "default", image_id, NOBODY, dry_run=False, expected=now)


def test_a_key_alone_is_another_version(world: World, services: Services, slow: Slow, image_id: int) -> None:
    seen = versions.of_image(only(world))
    accept(services, image_id, own_key="mine")
    deliver(world, slow.held)
    assert versions.of_image(only(world)) != seen
