"""A job of a bound key changes nothing of another partition, and reads nothing beyond its directories."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from imagesearch.access.tenants import Owner, Tenancy
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import images
from imagesearch.contract import ExtractBatch, JobState, TaskName
from imagesearch.messaging.claims import InFlight
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.settings import IndexerSettings
from support.repairing import forget_sent
from support.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def world(catalog: Catalog, client: redis.Redis, pictures: Path) -> World:
    settings = IndexerSettings(batch_size=4, window=3, plan_slice=10, lease_seconds=60)
    return World(catalog, InMemoryVectorStore(), InFlight(client), pictures, settings)


def anna(world: World) -> Owner:
    return Owner("0" * 16, Tenancy(("default",), "anna", (str(world.root / "anna"),)))


def partitions(world: World) -> dict[str, str]:
    with world.catalog.reading() as tx:
        rows = tx.execute(sa.select(images.c.path, images.c.partition).order_by(images.c.path))
        return {Path(row.path).name: row.partition for row in rows}


def test_a_file_of_another_partition_is_left_alone(world: World) -> None:
    world.write("anna/a.jpg", "anna/b.jpg")
    world.run([world.root / "anna/a.jpg"], partition="ben")
    job = world.run(world.root / "anna", partition="anna", owner=anna(world))
    assert job.state == JobState.COMPLETED_WITH_FAILURES
    assert world.outcomes(job.id) == {"a.jpg": "forbidden", "b.jpg": "indexed"}
    assert partitions(world) == {"a.jpg": "ben", "b.jpg": "anna"}


def test_a_file_that_moved_to_another_partition_meanwhile_is_left_alone(world: World) -> None:
    world.write("anna/a.jpg")
    job_id = world.submit(world.root / "anna", partition="anna", owner=anna(world))
    world.plan(job_id)
    [batch] = world.taken(TaskName.EXTRACT)
    assert isinstance(batch, ExtractBatch)
    assert batch.bound_roots == (str(world.root / "anna"),)
    forget_sent(world)
    world.run(world.root, partition="ben")
    index_batch(world.indexer, world.extract(batch))
    assert world.outcomes(job_id) == {"a.jpg": "removed"}
    assert partitions(world) == {"a.jpg": "ben"}
    world.check()


def test_what_a_manifest_names_beyond_the_bounds_fails(world: World) -> None:
    world.write("anna/a.jpg", "ben/b.jpg")
    manifest = world.root / "anna/list.csv"
    manifest.write_text("path,partition\na.jpg,\n../ben/b.jpg,\na.jpg,ben\n")
    job_id = world.submit(world.root, manifest=str(manifest), directory=None, partition="anna", owner=anna(world))
    world.plan(job_id)
    world.work()
    assert sorted(world.outcomes(job_id).values()) == ["forbidden", "indexed", "invalid_line"]
    assert partitions(world) == {"a.jpg": "anna"}


def test_a_prune_removes_nothing_of_another_partition(world: World) -> None:
    gone = world.write("anna/a.jpg", "anna/b.jpg", "anna/c.jpg")
    world.run([gone[0]], partition="ben")
    world.run(world.root / "anna", partition="anna", owner=anna(world))
    for path in gone[:2]:
        path.unlink()
    world.run(world.root / "anna", partition="anna", prune=True, owner=anna(world))
    assert partitions(world) == {"a.jpg": "ben", "c.jpg": "anna"}
