"""Facts of photos and of their paths become metadata, cost no inference, and stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
from PIL import Image

from imagesearch.catalog import images
from imagesearch.catalog.engine import Catalog
from imagesearch.messaging.claims import InFlight
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_indexer.settings import IndexerSettings
from support.drawing import encoded, photo_like
from support.world import World

pytestmark = pytest.mark.integration

CAMERA = {"facts": ["camera"]}


@pytest.fixture
def world(catalog: Catalog, client: redis.Redis, pictures: Path) -> World:
    settings = IndexerSettings(batch_size=4, window=3, plan_slice=10, lease_seconds=60)
    return World(catalog, InMemoryVectorStore(), InFlight(client), pictures, settings)


def photo(model: str) -> bytes:
    exif = Image.Exif()
    exif[0x0110] = model
    return encoded(photo_like(1, (16, 12)), exif=exif)


def metadata(world: World, name: str = "2024/a.jpg") -> dict[str, Any]:
    """Return what the row has; the vector has it as well."""
    collection = world.collection()
    with world.catalog.reading() as tx:
        [row] = images.indexed_by_paths(tx, collection.id, [str(world.root / name)]).values()
    assert row.vector_key is not None
    assert world.labels_in_store(collection.vector_collection, row.vector_key) == (row.partition, row.metadata)
    return row.metadata


def test_facts_come_to_what_is_indexed_without_inference_and_stay(world: World) -> None:
    world.write("2024/a.jpg", content=photo("R5"))
    world.write("2024/b.jpg")
    world.run(world.root, metadata={"x": 1})
    computed = world.inferences
    job = world.run(world.root, options=CAMERA)
    assert (job.indexed, world.inferences) == (2, computed)
    assert metadata(world) == {"x": 1, "exif.camera": "R5"}
    assert metadata(world, "2024/b.jpg") == {"x": 1, "exif.camera": None}
    for options in ({"options": CAMERA}, {}, {"metadata": {"x": 1}}, {"options": CAMERA, "metadata": {"x": 1}}):
        assert world.run(world.root, **options).unchanged == 2
    world.run(world.root, metadata={"x": 2})
    assert metadata(world) == {"x": 2, "exif.camera": "R5"}
    world.check()


def test_facts_follow_the_bytes(world: World) -> None:
    world.write("2024/a.jpg", content=photo("R5"))
    world.run(world.root, options=CAMERA, metadata={"x": 1})
    world.write("2024/a.jpg", content=photo("R6 II"))
    world.run(world.root, options=CAMERA)
    assert metadata(world) == {"x": 1, "exif.camera": "R6 II"}
    world.write("2024/a.jpg", content=photo("another one"))
    world.run(world.root)
    assert metadata(world) == {"x": 1}


def test_paths_give_metadata_and_keys_and_are_unchanged_the_second_time(world: World) -> None:
    world.write("2024/a.jpg", "2025/b.jpg", "c.jpg")
    rule = {"metadata_from_path": "{year:int}/{key}.jpg"}
    assert world.run(world.root, options=rule, metadata={"x": 1}).indexed == 3
    assert metadata(world) == {"x": 1, "year": 2024}
    assert metadata(world, "c.jpg") == {"x": 1}
    assert world.run(world.root, options=rule, metadata={"x": 1}).unchanged == 3
    job = world.run([world.root / "2025/b.jpg"], options={"metadata_from_path": "**/{album}/{key}.jpg"})
    assert (job.indexed, metadata(world, "2025/b.jpg")) == (1, {"album": "2025"})
    with world.catalog.reading() as tx:
        [row] = images.indexed_by_paths(tx, world.collection().id, [str(world.root / "2025/b.jpg")]).values()
    assert row.own_key == "b"
