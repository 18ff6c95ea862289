"""What transactions do to rows, tombstones and exceptions."""

from __future__ import annotations

from typing import NamedTuple

from model.rules import Setup
from model.state import (
    BUILT,
    FAILED,
    INDEXED,
    NO_DIGEST,
    NO_IMAGE,
    NO_KEY,
    PENDING,
    Exceptional,
    Row,
    Tombstone,
    Vector,
    World,
    network_of,
    row_of,
    with_row,
)


def bury(world: World, setup: Setup, key: int, image: int, *, young: bool = True) -> World:
    """Bury a key in the live store, and in the store of an open build."""
    if key == NO_KEY or not setup.rules.tombstone:
        return world
    stores = {world.live}
    if world.build.phase == "open" and setup.rules.buries_in_build:
        stores.add(BUILT)
    return world._replace(tombstones=world.tombstones | {Tombstone(store, key, image, young) for store in stores})


class Facts(NamedTuple):
    """Hold what a row is to say of its vector: its key, what it was made of, the version of the file."""

    key: int
    vector: Vector
    read: int


def name(world: World, setup: Setup, image: int, facts: Facts, *, slow: bool = False) -> World:
    """Name a key in a row with the facts of its vector, and bury the key that the row named."""
    key, vector, read = facts
    row = row_of(world, image)
    assert row is not None
    named = row._replace(
        state=INDEXED,
        digest=vector.digest,
        labels=vector.labels,
        key=key,
        turn=key,
        read=read,
        steady=row.steady and row.state == INDEXED and row.key != world.lost,
        digests=row.digests | 1 << vector.digest,
        relabelled=row.relabelled or vector.labels != row.labels,
    )
    world = with_row(world, image, named)
    return bury(world, setup, row.key, image, young=not slow) if row.key != key else world


def unname(world: World, setup: Setup, image: int, state: str, *, read: int | None = None) -> World:
    """Take a row its key, and bury it; the row fails or waits for another reading."""
    row = row_of(world, image)
    assert row is not None
    world = bury(world, setup, row.key, image)
    turn = NO_KEY
    if setup.rules.turn:
        turn = world.drawn + 1
        world = world._replace(drawn=turn)
    bare = row._replace(
        state=state, digest=NO_DIGEST, key=NO_KEY, turn=turn, read=row.read if read is None else read, steady=False
    )
    return with_row(world, image, bare)


def exception_of(world: World, image: int) -> Exceptional | None:
    """Return the exception of a switched build that holds for a row."""
    row = row_of(world, image)
    if row is None or world.build.phase != "switched":
        return None
    return next(
        (
            exception
            for exception in world.build.exceptions
            if exception.image == image and exception.from_key == row.key
        ),
        None,
    )


def apply(world: World, setup: Setup, exception: Exceptional) -> World:
    """Apply an exception to its row, or bury its key if the row names another one by now."""
    left = world.build.exceptions - {exception}
    world = world._replace(build=world.build._replace(exceptions=left))
    row = row_of(world, exception.image)
    if row is None or (row.key != exception.from_key and setup.rules.from_key):
        buried_as = NO_IMAGE if setup.rules.buried_without_image else exception.image
        return bury(world, setup, exception.key, buried_as)
    if exception.key == NO_KEY:
        return unname(world, setup, exception.image, FAILED, read=exception.read)
    digest = setup.digest_of(exception.read)
    vector = Vector(digest, row.labels, network_of(world.live, extracts=setup.extracts))
    return name(world, setup, exception.image, Facts(exception.key, vector, exception.read))


def apply_first(world: World, setup: Setup, image: int) -> World:
    """Apply the exception of a row that was just locked."""
    exception = exception_of(world, image) if setup.rules.apply_first else None
    return apply(world, setup, exception) if exception is not None else world


def create_row(world: World, image: int) -> World:
    return with_row(world, image, Row(PENDING, NO_DIGEST, 0, NO_KEY, NO_KEY, 0))


def named_keys(world: World) -> set[int]:
    return {row.key for row in world.rows if row is not None and row.key != NO_KEY}


def buried_keys(world: World, store: int) -> set[int]:
    return {tombstone.key for tombstone in world.tombstones if tombstone.store == store}
