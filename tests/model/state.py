"""The two stores and those who work on them, as data that is compared and hashed and never changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

T = TypeVar("T", bound=tuple[Any, ...])

PENDING, INDEXED, FAILED = "pending", "indexed", "failed"
NO_KEY = 0
NO_DIGEST = -1
NO_IMAGE = -1
LIVE_FIRST, BUILT = 0, 1
"""The Milvus collection that is live at first, and the one that a build fills."""


def quickly_replaced(kind: type[T]) -> type[T]:
    """Give a record a `_replace` of its own: that of `NamedTuple` took a third of a search's time."""
    places = {name: place for place, name in enumerate(kind._fields)}
    made: Callable[..., T] = tuple.__new__

    def _replace(record: T, /, **values: object) -> T:
        fields = list(record)
        for name, value in values.items():
            fields[places[name]] = value
        return made(kind, fields)

    kind._replace = _replace
    return kind


class Vector(NamedTuple):
    """Say what a vector in Milvus was made of, and the labels beside it."""

    digest: int
    labels: int
    network: int


Content = frozenset[tuple[int, Vector]]


class Store(NamedTuple):
    """Hold what bounded reads may see of a Milvus collection, oldest first; a strong read sees the last."""

    views: tuple[Content, ...]

    @property
    def strong(self) -> Content:
        return self.views[-1]


@quickly_replaced
class Row(NamedTuple):
    """Hold a row of `images`, and below the line what only the invariants look at.

    Attributes:
        turn: what dispatch sends as `expected`; it never comes back to what it was.
        read: the newest version of the file that decided about the row.
        steady: bounded reads see the image: it has been indexed since before their horizon.
        digests: one bit for each digest that the row had within the horizon.
        relabelled: its labels changed within the horizon.
    """

    state: str
    digest: int
    labels: int
    key: int
    turn: int
    read: int
    steady: bool = False
    digests: int = 0
    relabelled: bool = False


@quickly_replaced
class Tombstone(NamedTuple):
    """Hold a key that a transaction has un-named."""

    store: int
    key: int
    image: int
    young: bool


class Exceptional(NamedTuple):
    """Hold an exception of a build: what its file held when it was read, under a key of its own or none."""

    image: int
    from_key: int
    key: int
    read: int


BuildPhase = Literal["none", "open", "switched", "applied", "cancelled"]


@quickly_replaced
class Build(NamedTuple):
    """Hold the row of a build, and its exceptions."""

    phase: BuildPhase = "none"
    fence_key: int = 0
    reached_key: int = 0
    exceptions: frozenset[Exceptional] = frozenset()


class Call(NamedTuple):
    """Hold one call to Milvus: "insert", "delete" or "create"."""

    verb: str
    store: int
    keys: frozenset[int] = frozenset()
    vector: Vector | None = None


@quickly_replaced
class Actor(NamedTuple):
    """Hold where somebody stands, and what they remember.

    Attributes:
        kind: who it is.
        step: the step that comes next.
        image: whose image.
        in_tx: a transaction of theirs is open: it holds the image's row and the collection's shared lock.
        expected: the row's turn when the picture was sent.
        known: the digest that was sent with it.
        read: the version of the file that was read.
        key: the key that was drawn.
        vector: what is about to be written.
        store: the Milvus collection that was live.
        keys: keys that are about to be removed.
        awaited: whose transactions of then have not ended yet.
        images: images that are to be filled.
        found: what a search has found.
        named: keys among it that rows named, with their images.
        rounds: rounds that a build has begun.
        resumes: the step at which another process goes on after a crash; empty: nobody does.
        slow: time has passed since its transaction began.
    """

    kind: str
    step: str
    image: int = 0
    in_tx: bool = False
    expected: int = 0
    known: int = NO_DIGEST
    read: int = 0
    key: int = NO_KEY
    vector: Vector | None = None
    store: int = LIVE_FIRST
    keys: frozenset[int] = frozenset()
    awaited: frozenset[int] = frozenset()
    images: tuple[int, ...] = ()
    found: Content = frozenset()
    named: frozenset[tuple[int, int]] = frozenset()
    rounds: int = 0
    resumes: str = ""
    slow: bool = False


@quickly_replaced
class World(NamedTuple):
    """Hold everything at one moment.

    Attributes:
        disk: the version of the file.
        rows: `images`, by id.
        stores: the Milvus collections; None: there is none.
        tombstones: `tombstones`.
        live: `collections.vector_collection`.
        build: the build.
        drawn: the sequence's last value.
        exclusive: the collection's lock is held exclusively.
        actors: who acts.
        late: the call that a frozen process makes when it thaws.
        faulty: something has gone wrong already.
        lost: the key of the vector that a store lost.
    """

    disk: int
    rows: tuple[Row | None, ...]
    stores: tuple[Store | None, ...]
    tombstones: frozenset[Tombstone]
    live: int
    build: Build
    drawn: int
    exclusive: bool
    actors: tuple[Actor, ...]
    late: Call | None = None
    faulty: bool = False
    lost: int = NO_KEY


class Step(NamedTuple):
    """Hold what one step leads to, and what is wrong with the step itself, if anything is."""

    name: str
    world: World
    problem: str = ""


def row_of(world: World, image: int) -> Row | None:
    return world.rows[image] if image < len(world.rows) else None


def with_row(world: World, image: int, row: Row | None) -> World:
    rows = [*world.rows, *[None] * (image + 1 - len(world.rows))]
    rows[image] = row
    return world._replace(rows=tuple(rows))


def with_actor(world: World, index: int, actor: Actor) -> World:
    actors = world.actors
    return world._replace(actors=(*actors[:index], actor, *actors[index + 1 :]))


def move(world: World, index: int, step: str) -> World:
    return with_actor(world, index, world.actors[index]._replace(step=step))


def begin(world: World, index: int, actor: Actor) -> World:
    """Open a transaction that holds the actor's row."""
    return with_actor(world, index, actor._replace(in_tx=True))


def end(world: World, index: int, actor: Actor) -> World:
    """End the actor's transaction, which nobody waits for from now on."""
    ended = actor._replace(in_tx=False, slow=False)
    if not world.actors[index].in_tx:
        return with_actor(world, index, ended)
    actors = tuple(ended if place == index else _without(other, index) for place, other in enumerate(world.actors))
    return world._replace(actors=actors)


def _without(actor: Actor, index: int) -> Actor:
    return actor._replace(awaited=actor.awaited - {index}) if index in actor.awaited else actor


def finish(world: World, index: int) -> World:
    """End an actor's transaction and forget all that they remembered."""
    return end(world, index, Actor(world.actors[index].kind, "done"))


def running(world: World, *, but: int) -> frozenset[int]:
    """Return whose transactions run now: Postgres' snapshot."""
    return frozenset(index for index, actor in enumerate(world.actors) if actor.in_tx and index != but)


def may_lock(world: World, image: int) -> bool:
    """Tell whether a writer gets the collection's shared lock and the row's lock at once."""
    return not world.exclusive and not any(actor.in_tx and actor.image == image for actor in world.actors)


def perform(world: World, call: Call) -> World:
    """Do what a call to Milvus does; a collection that is not there takes nothing."""
    store = world.stores[call.store]
    if call.verb == "create":
        return _with_store(world, call.store, store or Store((frozenset(),)))
    if store is None:
        return world
    before = store.strong
    after = frozenset(entry for entry in before if entry[0] not in call.keys)
    if call.vector is not None:
        after |= {(key, call.vector) for key in call.keys}
    return world if after == before else _with_store(world, call.store, Store((*store.views, after)))


def _with_store(world: World, index: int, store: Store | None) -> World:
    return world._replace(stores=(*world.stores[:index], store, *world.stores[index + 1 :]))


def drop(world: World, index: int) -> World:
    """Drop a Milvus collection."""
    return _with_store(world, index, None)


def strong(world: World, index: int) -> dict[int, Vector]:
    """Return what a strong read of a Milvus collection sees."""
    store = world.stores[index]
    return dict(store.strong) if store is not None else {}


def network_of(store: int, *, extracts: bool) -> int:
    """Return whose vectors a Milvus collection holds: a build that extracts has a network of its own."""
    return int(store == BUILT and extracts)
