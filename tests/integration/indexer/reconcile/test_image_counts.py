"""Reconciliation checks what is counted, and counts what older releases left."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from imagesearch.catalog import image_counts
from imagesearch.catalog.tables import count_backlog
from imagesearch.catalog.tables import image_counts as table
from imagesearch_indexer.reconcile import image_counts as checking
from support.repairing import repaired
from support.world import World

pytestmark = pytest.mark.integration


def counts(world: World) -> dict[str, int]:
    with world.catalog.transaction() as tx:
        return {
            name: image_counts.indexed(tx, [world.collection(name).id])[world.collection(name).id]
            for name in ("one", "two")
        }


def filled(world: World) -> World:
    world.write("a.jpg", "b.jpg", "c.jpg")
    for name in ("one", "two"):
        world.run(world.root, name)
    return world


def test_wrong_counts_are_put_right(world: World) -> None:
    filled(world)
    assert repaired(world, deep=True) == {}
    with world.catalog.transaction() as tx:
        tx.execute(sa.delete(table).where(table.c.collection_id == world.collection("one").id))
        tx.execute(sa.insert(table).values(collection_id=world.collection("two").id, block=3, indexed=5))
    assert repaired(world, deep=True) == {"images_miscounted": 8}
    assert counts(world) == {"one": 3, "two": 3}


def test_what_an_older_release_left_is_counted_in_the_runs_that_follow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(world)
    with world.catalog.transaction() as tx:
        tx.execute(sa.delete(table))
        tx.execute(
            sa.insert(count_backlog), [{"collection_id": world.collection(name).id} for name in ("one", "two")]
        )
    # Killed behind the first block.
    monkeypatch.setattr(checking, "SECONDS", 0.0)
    assert repaired(world) == {"images_uncounted": 1}
    monkeypatch.undo()
    assert counts(world) == {"one": 3, "two": 3}
    assert repaired(world)["images_uncounted"] == 1
    with world.catalog.transaction() as tx:
        assert image_counts.uncounted(tx) is None
    assert counts(world) == {"one": 3, "two": 3}
    assert repaired(world, deep=True) == {}
