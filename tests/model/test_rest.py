"""What is wrong at rest is seen, and what the sweep and the collector clear up is not wrong."""

from __future__ import annotations

import pytest

from model.environment import pass_time
from model.rest import at_rest
from model.rules import Setup
from model.start import start
from model.state import BUILT, NO_IMAGE, Actor, Call, Tombstone, Vector, World, perform, row_of, with_row

NOBODY = Setup(())


def inserted(key: int, vector: Vector, *, store: int = 0) -> World:
    return perform(start(NOBODY), Call("insert", store, frozenset({key}), vector))


def named(key: int) -> World:
    world = start(NOBODY)
    row = row_of(world, 0)
    assert row is not None
    return with_row(world, 0, row._replace(key=key))


@pytest.mark.parametrize(
    ("world", "problem"),
    [
        (inserted(1, Vector(0, 1, 0)), "the vector of image 0"),
        (inserted(1, Vector(1, 0, 0)), "the vector of image 0"),
        (inserted(1, Vector(0, 0, 1)), "the vector of image 0"),
        (named(2), "names key 2, which is nowhere"),
        (perform(start(NOBODY), Call("create", BUILT)), "a store that was dropped"),
        (start(NOBODY)._replace(actors=(Actor("writer", "settle"),)), "nobody can go on"),
    ],
)
def test_what_is_wrong_is_seen(world: World, problem: str) -> None:
    assert problem in at_rest(world, NOBODY)


@pytest.mark.parametrize(
    "world",
    [
        start(NOBODY),
        inserted(2, Vector(0, 0, 0)),
        start(NOBODY)._replace(tombstones=frozenset({Tombstone(0, 2, NO_IMAGE, young=True)})),
        named(2)._replace(lost=2),
        start(NOBODY)._replace(actors=(Actor("writer", "done"), Actor("collector", "collect"))),
    ],
    ids=["nothing", "a vector that no row names", "a tombstone", "a lost vector", "actors at their end"],
)
def test_what_is_cleared_up_is_not_wrong(world: World) -> None:
    assert at_rest(world, NOBODY) == ""


def test_time_takes_bounded_reads_to_what_was_written() -> None:
    world = inserted(2, Vector(0, 0, 0))
    before, after = world.stores[0], pass_time(world, NOBODY).stores[0]
    assert before is not None
    assert after is not None
    assert [len(view) for view in before.views] == [1, 2]
    assert [len(view) for view in after.views] == [2]
