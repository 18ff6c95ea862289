"""Vectors without a row are removed, rows without a vector are indexed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch.contract import JobState
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.reconcile import vectors
from support.repairing import extract_batches, planned, repaired, swept
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


def test_vectors_that_an_open_transaction_may_name_are_left_after_one_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "PAGE", 2)
    waits = []
    real = vectors._has_fence_passed
    monkeypatch.setattr(vectors, "_has_fence_passed", lambda indexer: waits.append(1) or real(indexer))
    world.write("a.jpg")
    world.run(world.root)
    name = world.collection().vector_collection
    strays = [10**15 + number for number in range(7)]
    made = np.stack([vector_of(b"stray")] * len(strays))
    world.vectors.upsert(name, strays, made, partitions=[""] * len(strays), metadata=[{}] * len(strays))
    impatient = replace(world, settings=world.settings.model_copy(update={"fence_seconds": 0.2}))
    with world.catalog.transaction() as tx:
        # It holds a row, as whoever has drawn a key does.
        tx.execute(sa.text("SELECT 1 FROM images FOR NO KEY UPDATE"))
        assert swept(impatient.indexer) == {}
        assert len(waits) == 1
        assert world.vectors.count(name, strong=True) == 1 + len(strays)
    assert swept(impatient.indexer) == {"vector_without_row": len(strays)}
    world.check()
