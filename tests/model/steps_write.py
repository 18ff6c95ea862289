"""The steps of those who write rows: an index job's writer, a label change, a delete."""

from __future__ import annotations

from collections.abc import Iterator

from model.catalogue import Facts, apply_first, bury, create_row, name, unname
from model.rules import Setup
from model.state import (
    FAILED,
    INDEXED,
    NO_DIGEST,
    NO_KEY,
    PENDING,
    Call,
    Row,
    Step,
    Vector,
    World,
    begin,
    end,
    finish,
    may_lock,
    move,
    network_of,
    perform,
    row_of,
    strong,
    with_actor,
    with_row,
)


def dispatch(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Send a picture with its row's turn and digest."""
    yield _sent(world, index, "read" if setup.rules.expected_before_reading else "settle")


def read(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Read the file as it is now."""
    actor = world.actors[index]._replace(read=world.disk, step=_after_reading(setup))
    yield Step(f"reads version {world.disk} of the file", with_actor(world, index, actor))


def _after_reading(setup: Setup) -> str:
    if not setup.rules.expected_before_reading:
        return "dispatch"
    return "settle" if setup.rules.row_lock_first else "insert_first"


def _sent(world: World, index: int, following: str) -> Step:
    actor = world.actors[index]
    row = row_of(world, actor.image)
    if row is None:
        return Step("finds no row to send", finish(world, index))
    sent = actor._replace(
        step=following,
        expected=row.turn,
        known=row.digest if row.state == INDEXED else NO_DIGEST,
        store=world.live,
    )
    return Step(f"sends the picture, expecting key {row.turn}", with_actor(world, index, sent))


def again(setup: Setup) -> str:
    """Return the step at which a picture is read again."""
    return "dispatch" if setup.rules.expected_before_reading else "read"


def insert_first(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Draw a key and insert before anything is locked: what the rule `row_lock_first` forbids."""
    actor = world.actors[index]
    row = row_of(world, actor.image)
    digest = setup.digest_of(actor.read)
    if row is None or digest in {NO_DIGEST, row.digest} or world.exclusive:
        yield Step("goes on", move(world, index, "settle"))
        return
    key = world.drawn + 1
    vector = Vector(digest, row.labels, network_of(world.live, extracts=setup.extracts))
    drawn = with_actor(world._replace(drawn=key), index, actor._replace(step="settle", key=key, vector=vector))
    inserted = perform(drawn, Call("insert", world.live, frozenset({key}), vector))
    yield Step(f"inserts key {key} without a lock", inserted)


def settle(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Lock the row and decide what becomes of the answer."""
    actor = world.actors[index]
    if not may_lock(world, actor.image):
        return
    if row_of(world, actor.image) is None:
        yield Step("settles: the image is gone", finish(world, index))
        return
    seen = world
    world = apply_first(world, setup, actor.image)
    row = row_of(world, actor.image)
    assert row is not None
    digest = setup.digest_of(actor.read)
    as_expected = row.turn == actor.expected or not setup.rules.expected_key
    if actor.store != world.live and setup.extracts and setup.rules.generation:
        yield Step("settles: of another network, reads again", move(world, index, again(setup)))
    elif digest == row.digest and row.key != NO_KEY:
        yield Step("settles: the vector that is there stays", finish(world, index))
    elif digest == actor.known != NO_DIGEST or not as_expected:
        # "Unchanged" brings no vector.
        yield Step("settles: overtaken, reads again", move(world, index, again(setup)))
    elif digest == NO_DIGEST:
        failed = unname(world, setup, actor.image, FAILED, read=actor.read)
        yield Step("settles: the picture fails", finish(failed, index))
    elif actor.vector is not None:
        ready = begin(seen, index, actor._replace(step="commit"))
        yield Step(f"settles: may name key {actor.key}", ready)
    else:
        vector = Vector(digest, row.labels, network_of(actor.store, extracts=setup.extracts))
        yield Step("settles: locks the row", _draw(seen, index, setup, row, vector))


def _draw(world: World, index: int, setup: Setup, row: Row, vector: Vector) -> World:
    """Lock the row and draw a key for what is inserted next; what is written shows when the transaction ends."""
    actor = world.actors[index]
    key = row.key if row.key != NO_KEY and not setup.rules.new_key else world.drawn + 1
    drawn = world._replace(drawn=max(key, world.drawn))
    return begin(
        drawn,
        index,
        actor._replace(step="insert", key=key, vector=vector, read=_read_of(actor.kind, row, actor.read)),
    )


def _read_of(kind: str, row: Row, read: int) -> int:
    return row.read if kind == "labels" else read


def update_labels(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Lock the row, and fetch the vector that new labels are to be written beside."""
    actor = world.actors[index]
    if not may_lock(world, actor.image):
        return
    if row_of(world, actor.image) is None:
        yield Step("updates labels: the image is gone", finish(world, index))
        return
    seen = world
    world = apply_first(world, setup, actor.image)
    row = row_of(world, actor.image)
    assert row is not None
    labelled = row._replace(labels=1, relabelled=True)
    if row.key == NO_KEY:
        yield Step("updates labels of the row alone", finish(with_row(world, actor.image, labelled), index))
        return
    vector = strong(world, world.live).get(row.key)
    if vector is None:
        problem = why_not_absent(world, row.key)
        bare = unname(with_row(world, actor.image, labelled), setup, actor.image, PENDING)
        repair = end(bare, index, bare.actors[index]._replace(step=again(setup)))
        yield Step("updates labels: the vector is absent, reads again", repair, problem)
        return
    world = _draw(seen, index, setup, row, vector._replace(labels=1))
    yield Step("updates labels: locks the row", world)


def why_not_absent(world: World, key: int) -> str:
    """Say what is wrong with taking an indexed row a key that its store does not hold."""
    return "" if key == world.lost else f"key {key} was taken from its row, and no store had lost it"


def insert(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Insert the vector under the key that was drawn."""
    call = insertion(world, index, setup)
    inserted = perform(move(world, index, "commit"), call)
    yield Step(f"inserts {_said(call)}", inserted)


def insertion(world: World, index: int, _: Setup) -> Call:
    """Return the call that a writer is about to make."""
    actor = world.actors[index]
    return Call("insert", world.live, frozenset({actor.key}), actor.vector)


def _said(call: Call) -> str:
    return f"keys {sorted(call.keys)} into store {call.store}: {call.vector}"


def commit(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Name the key in the row, and bury the one before."""
    actor = world.actors[index]
    assert actor.vector is not None
    world = apply_first(world, setup, actor.image)
    facts = Facts(actor.key, actor.vector, actor.read)
    world = name(world, setup, actor.image, facts, slow=actor.slow)
    yield Step(f"commits: the row names key {actor.key}", finish(world, index))


def delete(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Bury the key of a row and remove the row."""
    actor = world.actors[index]
    if not may_lock(world, actor.image):
        return
    world = apply_first(world, setup, actor.image)
    row = row_of(world, actor.image)
    if row is not None:
        world = with_row(bury(world, setup, row.key, actor.image), actor.image, None)
    world = move(world, index, "submit") if setup.again else finish(world, index)
    yield Step("deletes the image", world)


def submit(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Make a new row for the path that was deleted."""
    actor = world.actors[index]
    image = len(world.rows)
    created = create_row(world, image)
    yield Step(
        f"submits the path again: image {image}",
        with_actor(created, index, actor._replace(step="dispatch", image=image)),
    )
