"""What happens to the stores and to those who work on them: time, files that change, crashes and freezes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from model import searching, steps_build, steps_upkeep, steps_write
from model.rules import Setup
from model.state import INDEXED, Actor, Call, Row, Step, Store, Tombstone, World, end, perform

CALLS: Mapping[str, Callable[[World, int, Setup], Call]] = {
    "insert": steps_write.insertion,
    "collect_delete": steps_upkeep.deletion,
    "sweep_delete": steps_upkeep.deletion,
    "create": steps_build.creation,
    "fill_insert": steps_build.filling,
    "last_fill": steps_build.last_filling,
}
"""The steps that are a call to Milvus which changes something: what a frozen process may still do."""
LEAVES_SOMETHING = {"forget", "reach", "switch", "apply", "retire"}
"""Steps outside a row's transaction before which a crash leaves something half done."""


def happen(world: World, setup: Setup) -> Iterator[Step]:
    """Yield all that may happen now without anybody's doing."""
    if world.disk < setup.last_version:
        yield Step("the file changes", world._replace(disk=world.disk + 1))
    if world.late is not None:
        thawed = perform(world, world.late)._replace(late=None)
        yield Step(
            f"THAW: {world.late.verb} of keys {sorted(world.late.keys)} in store {world.late.store}", thawed
        )
    if _time_matters(world, setup) and not any(searching.is_on_its_way(actor) for actor in world.actors):
        yield Step("time passes", pass_time(world, setup))
    if setup.faults and not world.faulty:
        yield from _go_wrong(world._replace(faulty=True), setup)


def _time_matters(world: World, setup: Setup) -> bool:
    return (
        any(store is not None and len(store.views) > 1 for store in world.stores)
        or any(tombstone.young for tombstone in world.tombstones)
        or any(row is not None and row is not _aged(row) and row != _aged(row) for row in world.rows)
        or (not setup.rules.since_after_insert and any(_is_slow(actor) for actor in world.actors))
    )


def pass_time(world: World, setup: Setup) -> World:
    """Let the horizon of bounded reads pass what was written, and tombstones grow old."""
    world = world._replace(
        rows=tuple([_aged(row) if row is not None else None for row in world.rows]),
        stores=tuple([_settled(store) for store in world.stores]),
        tombstones=frozenset([_old(tombstone) for tombstone in world.tombstones]),
    )
    if not setup.rules.since_after_insert:
        slow = tuple(actor._replace(slow=True) if _is_slow(actor) else actor for actor in world.actors)
        world = world._replace(actors=slow)
    return world


def _old(tombstone: Tombstone) -> Tombstone:
    return tombstone._replace(young=False) if tombstone.young else tombstone


def _settled(store: Store | None) -> Store | None:
    return Store(store.views[-1:]) if store is not None and len(store.views) > 1 else store


def _is_slow(actor: Actor) -> bool:
    return actor.step == "insert" and not actor.slow


def _aged(row: Row) -> Row:
    is_indexed = row.state == INDEXED
    if row.steady and is_indexed and row.digests == 1 << row.digest and not row.relabelled:
        return row
    return row._replace(steady=is_indexed, digests=1 << row.digest if is_indexed else 0, relabelled=False)


def _go_wrong(world: World, setup: Setup) -> Iterator[Step]:
    for index, actor in enumerate(world.actors):
        call = CALLS.get(actor.step)
        if "freeze" in setup.faults and call is not None:
            frozen = die(world, index)._replace(late=call(world, index, setup))
            yield Step(f"FREEZE of actor {index} ({actor.kind}) before its {actor.step}", frozen)
        if "crash" in setup.faults and (actor.in_tx or actor.step in LEAVES_SOMETHING or call is not None):
            yield Step(f"CRASH of actor {index} ({actor.kind}) before its {actor.step}", die(world, index))
    if "lose" in setup.faults:
        yield from _lose(world)


def die(world: World, index: int) -> World:
    """End an actor's session; where its job has somebody else go on, they begin where it was last committed."""
    actor = world.actors[index]
    if actor.step in {"last_fill", "switch"}:
        world = world._replace(exclusive=False)
    if not actor.resumes:
        return end(world, index, Actor(actor.kind, "dead"))
    heir = Actor(actor.kind, actor.resumes, awaited=actor.awaited, rounds=actor.rounds, resumes=actor.resumes)
    return end(world, index, heir)


def _lose(world: World) -> Iterator[Step]:
    store = world.stores[world.live]
    for row in world.rows:
        if row is not None and store is not None and any(key == row.key for key, _ in store.strong):
            views = tuple(frozenset(entry for entry in view if entry[0] != row.key) for view in store.views)
            stores = tuple(
                Store(views) if place == world.live else other for place, other in enumerate(world.stores)
            )
            yield Step(f"LOSS of key {row.key} in store {world.live}", world._replace(stores=stores, lost=row.key))
