"""Vectors without a row are removed, rows without a vector are indexed again."""

from __future__ import annotations

import pytest

from imagesearch.contract import JobState
from imagesearch_indexer.batches import index_batch
from support.repairing import extract_batches, planned, repaired
from support.world import World, vector_of

pytestmark = pytest.mark.integration


def test_vectors_without_a_row_are_removed(world: World) -> None:
    world.write("a.jpg")
    world.run(world.root)
    name = world.collection().vector_collection
    stray = vector_of(b"stray")[None, :]
    world.vectors.upsert(name, [10**9], stray, partitions=[""], metadata=[{}])
    assert repaired(world, deep=True) == {"vector_without_row": 1}
    world.check()


def test_rows_without_a_vector_are_indexed_again(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    name = world.collection().vector_collection
    world.vectors.delete(name, world.vectors.keys(name)[:1])
    assert repaired(world, deep=True) == {"row_without_vector": 1}
    world.work()
    assert set(world.states().values()) == {"indexed"}
    assert repaired(world, deep=True) == {}
    world.check()


def test_a_vector_store_that_lost_everything_is_filled_again(world: World) -> None:
    job_id = planned(world, 8)
    first, second = (world.extract(batch) for batch in extract_batches(world))
    index_batch(world.indexer, first)
    world.vectors.drop_collection(world.collection().vector_collection)
    index_batch(world.indexer, second)
    assert world.job(job_id).state == JobState.SUCCEEDED
    assert repaired(world, deep=True) == {"row_without_vector": 4}
    world.work()
    world.check()
