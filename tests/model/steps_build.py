"""The steps of a build, which fills another store and switches to it, and of who cancels it."""

from __future__ import annotations

from collections.abc import Iterator

from model.catalogue import apply
from model.rules import Setup, Take
from model.searching import is_on_its_way
from model.state import (
    BUILT,
    INDEXED,
    LIVE_FIRST,
    NO_DIGEST,
    NO_IMAGE,
    NO_KEY,
    Actor,
    Call,
    Exceptional,
    Row,
    Step,
    Tombstone,
    Vector,
    World,
    begin,
    drop,
    end,
    finish,
    may_lock,
    move,
    network_of,
    perform,
    row_of,
    running,
    strong,
    with_actor,
)

ROUNDS = 1
"""Rounds between the listing and the last one."""


def unless_over(take: Take) -> Take:
    """See at the beginning of a transaction that the build was cancelled."""

    def taken(world: World, index: int, setup: Setup) -> Iterator[Step]:
        if world.build.phase == "cancelled":
            yield Step("sees that the build is over", finish(world, index))
        else:
            yield from take(world, index, setup)

    return taken


@unless_over
def note_key(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Note the sequence's last key: the fence of a round."""
    noted = world._replace(build=world.build._replace(fence_key=world.drawn))
    moved = move(noted, index, "note_running" if setup.rules.key_before_snapshot else _after_noting(noted, index))
    yield Step(f"notes key {world.drawn}", moved if setup.rules.key_before_snapshot else _open(moved))


@unless_over
def note_running(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Note which transactions run."""
    awaited = running(world, but=index) if setup.rules.fence_of_rounds else frozenset()
    step = _after_noting(world, index) if setup.rules.key_before_snapshot else "note_key"
    noted = with_actor(world, index, world.actors[index]._replace(awaited=awaited, step=step))
    yield Step(f"notes that {sorted(awaited)} run", _open(noted) if setup.rules.key_before_snapshot else noted)


def _after_noting(world: World, index: int) -> str:
    return "create" if world.actors[index].rounds == 0 else "take"


def _open(world: World) -> World:
    return world._replace(build=world.build._replace(phase="open")) if world.build.phase == "none" else world


def creation(_: World, __: int, ___: Setup) -> Call:
    return Call("create", BUILT)


def create(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Create the store that is to be filled."""
    actor = world.actors[index]._replace(step="list", resumes="create")
    yield Step("creates store 1", with_actor(perform(world, creation(world, index, setup)), index, actor))


@unless_over
def list_images(world: World, index: int, _: Setup) -> Iterator[Step]:
    """List every indexed image, when the transactions of the submission have ended."""
    if not world.actors[index].awaited:
        yield _taken(world, index, below=world.drawn, above=NO_KEY)


@unless_over
def take(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Take the rows whose keys were named since the last round."""
    if not world.actors[index].awaited:
        yield _taken(world, index, below=world.build.fence_key, above=world.build.reached_key)


def _lacking(world: World, *, below: int, above: int) -> tuple[int, ...]:
    return tuple(
        image
        for image, row in enumerate(world.rows)
        if row is not None and row.state == INDEXED and above < row.key <= below
    )


def _taken(world: World, index: int, *, below: int, above: int) -> Step:
    images = _lacking(world, below=below, above=above)
    actor = world.actors[index]._replace(images=images, step="fill" if images else "reach")
    return Step(f"takes images {list(images)}", with_actor(world, index, actor))


@unless_over
def fill(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Fill in the next image as its row is now: fetch its vector, or send its picture."""
    actor = world.actors[index]
    row = row_of(world, actor.images[0])
    if row is None or row.state != INDEXED:
        yield Step("fills nothing: the image is not indexed", _filled(world, index))
    elif setup.extracts:
        sent = actor._replace(step="fill_read", image=actor.images[0], expected=row.turn)
        yield Step(f"sends the picture, expecting key {row.turn}", with_actor(world, index, sent))
    else:
        vector = strong(world, world.live).get(row.key)
        fetched = actor._replace(step="fill_insert", key=row.key, vector=vector)
        after = _filled(world, index) if vector is None else with_actor(world, index, fetched)
        yield Step(f"fetches the vector of key {row.key}", after)


def _filled(world: World, index: int) -> World:
    actor = world.actors[index]
    left = actor.images[1:]
    plain = Actor(actor.kind, "fill" if left else "reach", images=left, rounds=actor.rounds, resumes=actor.resumes)
    return end(world, index, plain)


def fill_read(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Read the file for the build."""
    actor = world.actors[index]._replace(step="fill_settle", read=world.disk)
    yield Step(f"reads version {world.disk} of the file", with_actor(world, index, actor))


@unless_over
def fill_settle(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Lock the row, and decide under which key the build writes."""
    actor = world.actors[index]
    if not may_lock(world, actor.image):
        return
    row = row_of(world, actor.image)
    if row is None or row.state != INDEXED:
        yield Step("settles: the image is not indexed", _filled(world, index))
        return
    digest = setup.digest_of(actor.read)
    vector = Vector(digest, row.labels, network_of(BUILT, extracts=True))
    if digest == row.digest:
        locked = begin(world, index, actor._replace(step="fill_insert", key=row.key, vector=vector))
        yield Step(f"settles: of the row's digest, under key {row.key}", locked)
    elif row.turn != actor.expected and setup.rules.build_expected:
        yield Step("settles: overtaken, reads again", move(world, index, "fill"))
    elif digest == NO_DIGEST:
        noted = _except(world, Exceptional(actor.image, row.key, NO_KEY, actor.read))
        yield Step("settles: an exception, no picture", _filled(noted, index))
    else:
        key = world.drawn + 1
        drawn = actor._replace(step="fill_insert", key=key, vector=vector)
        yield Step(f"settles: an exception under key {key}", begin(world._replace(drawn=key), index, drawn))


def _except(world: World, exception: Exceptional) -> World:
    """Record an exception in place of the image's earlier one."""
    world = _forget(world, {known for known in world.build.exceptions if known.image == exception.image})
    return world._replace(build=world.build._replace(exceptions=world.build.exceptions | {exception}))


def _forget(world: World, exceptions: set[Exceptional]) -> World:
    """Take exceptions back and bury their keys in the store that is filled."""
    buried = {Tombstone(BUILT, known.key, NO_IMAGE, young=True) for known in exceptions if known.key != NO_KEY}
    left = world.build.exceptions - exceptions
    return world._replace(build=world.build._replace(exceptions=left), tombstones=world.tombstones | buried)


def filling(world: World, index: int, _: Setup) -> Call:
    """Return the insertion that a build is about to make."""
    actor = world.actors[index]
    return Call("insert", BUILT, frozenset({actor.key}), actor.vector)


def fill_insert(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Insert a vector into the store that is filled."""
    actor = world.actors[index]
    call = filling(world, index, setup)
    world = perform(world, call)
    world = move(world, index, "fill_commit") if actor.in_tx else _filled(world, index)
    yield Step(f"inserts key {actor.key} into store 1: {call.vector}", world)


@unless_over
def fill_commit(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Record what the build has written, as an exception where it is none of the row's digest."""
    actor = world.actors[index]
    row = row_of(world, actor.image)
    assert isinstance(row, Row)
    if row.key != actor.key:
        exception = Exceptional(actor.image, row.key, actor.key, actor.read)
        yield Step(f"commits {exception}", _filled(_except(world, exception), index))
        return
    if setup.rules.equal_removes:
        outdated = {known for known in world.build.exceptions if known.from_key == row.key}
        world = _forget(world, outdated)
    yield Step("commits", _filled(world, index))


@unless_over
def reach(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Note up to which key everything is filled in; a round follows, or the last one."""
    actor = world.actors[index]
    reached = world._replace(build=world.build._replace(reached_key=world.build.fence_key))
    following = "begin_round" if actor.rounds < ROUNDS else "last_lock"
    moved = Actor(actor.kind, following, rounds=actor.rounds + 1, resumes="begin_round")
    yield Step(f"has reached key {world.build.fence_key}", with_actor(reached, index, moved))


@unless_over
def begin_round(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Begin a round with its fence."""
    yield from (note_key if setup.rules.key_before_snapshot else note_running)(world, index, setup)


@unless_over
def last_lock(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Shut out every writer, and see what is still lacking."""
    if setup.rules.exclusive_lock and running(world, but=index):
        return
    images = _lacking(world, below=world.drawn, above=world.build.reached_key)
    if not setup.rules.last_round:
        images = ()
    actor = world.actors[index]
    if images and setup.extracts:
        yield Step("sees that another round is needed", move(world, index, "begin_round"))
        return
    moved = actor._replace(step="last_fill" if images else "switch", images=images)
    locked = with_actor(world._replace(exclusive=setup.rules.exclusive_lock), index, moved)
    yield Step(f"locks the collection, lacking {list(images)}", locked)


def last_filling(world: World, index: int, _: Setup) -> Call:
    """Return the copy that the last round is about to make."""
    row = row_of(world, world.actors[index].images[0])
    if row is None or row.key not in (there := strong(world, world.live)):
        return Call("insert", BUILT)
    return Call("insert", BUILT, frozenset({row.key}), there[row.key])


def last_fill(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Copy what the last round lacks."""
    actor = world.actors[index]
    call = last_filling(world, index, setup)
    left = actor.images[1:]
    moved = actor._replace(images=left, step="last_fill" if left else "switch")
    yield Step(f"copies keys {sorted(call.keys)}", with_actor(perform(world, call), index, moved))


def switch(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Let searches use the store that was filled."""
    built = world.stores[BUILT]
    if built is None or (setup.rules.horizon and len(built.views) > 1):
        return
    switched = world._replace(live=BUILT, exclusive=False, build=world.build._replace(phase="switched"))
    moved = with_actor(switched, index, Actor(world.actors[index].kind, "apply", resumes="apply"))
    yield Step("switches", _if_applied(moved, index))


def apply_exceptions(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Apply an exception to its row."""
    for exception in world.build.exceptions:
        if may_lock(world, exception.image):
            yield Step(f"applies {exception}", _if_applied(apply(world, setup, exception), index))
    if not world.build.exceptions:
        # Those who changed the rows have applied them.
        yield Step("finds every exception applied", _if_applied(world, index))


def _if_applied(world: World, index: int) -> World:
    if world.build.exceptions:
        return world
    return move(world._replace(build=world.build._replace(phase="applied")), index, "retire")


def retire(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Drop the store that was live, when no search reads it any more."""
    is_read = any(is_on_its_way(actor) and actor.store == LIVE_FIRST for actor in world.actors)
    if not is_read or not setup.rules.retires_later:
        yield Step("drops store 0", finish(drop(world, LIVE_FIRST), index))


def cancel(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Cancel the build."""
    if world.build.phase == "open" and not world.exclusive:
        cancelled = world._replace(build=world.build._replace(phase="cancelled", exceptions=frozenset()))
        yield Step("cancels the build", move(cancelled, index, "cancel_drop"))


def cancel_drop(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Drop the store of a build that was cancelled."""
    yield Step("drops store 1", finish(drop(world, BUILT), index))
