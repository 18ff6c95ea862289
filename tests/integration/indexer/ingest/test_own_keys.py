"""The caller's own keys: one image's in its partition, given without inference, and a clash costs only itself."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from imagesearch.catalog import images, jobs, naming, own_keys
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import Job
from imagesearch.catalog.own_keys import Given
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.claims import InFlight
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_indexer.settings import IndexerSettings
from support.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def world(catalog: Catalog, client: redis.Redis, pictures: Path) -> World:
    """An indexer without Milvus: no vector carries a key."""
    settings = IndexerSettings(batch_size=4, window=3, plan_slice=10, lease_seconds=60)
    return World(catalog, InMemoryVectorStore(), InFlight(client), pictures, settings)


def run(world: World, *lines: dict[str, Any]) -> Job:
    path = world.root / "list.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    for line in lines:
        if not (world.root / line["path"]).exists():
            world.write(line["path"])
    return world.run(world.root, directory=None, manifest=str(path))


def held(world: World, own_key: str, partition: str | None = None) -> list[str]:
    """Return the names of the files whose images have a key."""
    with world.catalog.reading() as tx:
        found = own_keys.holders(tx, world.collection().id, [own_key], partition)
    return [Path(image.path).name for image in found.get(own_key, [])]


def image(world: World, name: str) -> Image:
    with world.catalog.reading() as tx:
        [row] = images.indexed_by_paths(tx, world.collection().id, [str(world.root / name)]).values()
    return row


def test_a_manifest_gives_its_pictures_their_keys(world: World) -> None:
    job = run(world, {"path": "a.jpg", "key": "sku/1"}, {"path": "b.jpg", "key": "sku/2"}, {"path": "c.jpg"})
    assert (job.state, job.indexed) == ("succeeded", 3)
    assert (held(world, "sku/1"), held(world, "sku/2")) == (["a.jpg"], ["b.jpg"])
    assert image(world, "c.jpg").own_key is None


def test_a_picture_that_is_there_gets_its_key_without_inference_and_keeps_its_vector(world: World) -> None:
    run(world, {"path": "a.jpg"})
    before, inferences = image(world, "a.jpg"), world.inferences
    run(world, {"path": "a.jpg", "key": "1"})
    after = image(world, "a.jpg")
    assert (after.own_key, after.vector_key, world.inferences) == ("1", before.vector_key, inferences)
    assert run(world, {"path": "a.jpg", "key": "1"}).unchanged == 1
    run(world, {"path": "a.jpg"})
    assert image(world, "a.jpg").own_key == "1", "who says nothing of it leaves it"
    run(world, {"path": "a.jpg", "key": "2"})
    assert (held(world, "1"), held(world, "2")) == ([], ["a.jpg"])


def test_a_key_that_another_image_has_fails_its_picture_alone_and_is_free_with_that(world: World) -> None:
    run(world, {"path": "old.jpg", "key": "1"})
    job = run(world, {"path": "new.jpg", "key": "1"}, {"path": "other.jpg", "key": "2"})
    assert job.state == "completed_with_failures"
    assert world.outcomes(job.id) == {"new.jpg": "key_taken", "other.jpg": "indexed"}
    assert held(world, "1") == ["old.jpg"]
    assert world.states()["new.jpg"] == "failed"
    with world.catalog.transaction() as tx:
        naming.delete(tx, world.collection(), [image(world, "old.jpg").id])
        jobs.reopen(tx, job.id)
    world.plan(job.id)
    world.work()
    assert world.job(job.id).state == "succeeded"
    assert held(world, "1") == ["new.jpg"]


def test_an_indexed_picture_that_may_not_have_a_key_stays_as_it_is(world: World) -> None:
    run(world, {"path": "a.jpg", "key": "1"}, {"path": "b.jpg", "key": "2", "metadata": {"year": 1999}})
    before = image(world, "b.jpg")
    job = run(world, {"path": "b.jpg", "key": "1", "metadata": {"year": 2000}})
    assert world.outcomes(job.id) == {"b.jpg": "key_taken"}
    after = image(world, "b.jpg")
    assert (after.own_key, after.metadata, after.vector_key) == ("2", {"year": 1999}, before.vector_key)


def test_of_two_lines_of_one_batch_with_one_key_the_first_has_it(world: World) -> None:
    job = run(world, {"path": "a.jpg", "key": "1"}, {"path": "b.jpg", "key": "1"})
    assert sorted(world.outcomes(job.id).values()) == ["indexed", "key_taken"]
    assert len(held(world, "1")) == 1


def test_partitions_do_not_meet_each_others_keys_unless_an_image_moves_there(world: World) -> None:
    run(world, {"path": "a.jpg", "key": "1", "partition": "anna"})
    job = run(world, {"path": "b.jpg", "key": "1", "partition": "ben"})
    assert job.state == "succeeded"
    assert held(world, "1") == ["a.jpg", "b.jpg"]
    assert held(world, "1", "ben") == ["b.jpg"]
    moved = run(world, {"path": "b.jpg", "partition": "anna"})
    assert world.outcomes(moved.id) == {"b.jpg": "key_taken"}
    assert held(world, "1", "ben") == ["b.jpg"]
    run(world, {"path": "b.jpg", "partition": "anna", "key": "2"})
    assert held(world, "2", "anna") == ["b.jpg"]


def test_who_gives_a_key_in_the_same_moment_as_another_gives_it_to_nobody(world: World) -> None:
    run(world, {"path": "a.jpg"}, {"path": "b.jpg"})
    first, second = (Given(image(world, name).id, "", "1") for name in ("a.jpg", "b.jpg"))
    collection_id = world.collection().id

    def give_too() -> set[int] | None:
        try:
            with world.catalog.transaction() as tx:
                return own_keys.give(tx, collection_id, [second])
        except StoreUnavailable:
            return None

    with ThreadPoolExecutor(1) as pool:
        with world.catalog.transaction() as tx:
            assert own_keys.give(tx, collection_id, [first]) == set()
            overtaken = pool.submit(give_too)
        # It came while the first was not committed, and is to be tried again, or after that.
        assert overtaken.result() in (None, {second.image_id})
    assert held(world, "1") == ["a.jpg"]
    assert give_too() == {second.image_id}
