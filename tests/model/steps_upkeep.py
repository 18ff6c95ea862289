"""The steps of those who clear up: the collector of buried keys, the sweep, the repair of what a store lost."""

from __future__ import annotations

from collections.abc import Iterator

from model.catalogue import buried_keys, named_keys, unname
from model.rules import Setup
from model.state import (
    INDEXED,
    PENDING,
    Actor,
    Call,
    Step,
    World,
    end,
    finish,
    may_lock,
    move,
    perform,
    running,
    strong,
    with_actor,
)
from model.steps_write import again, why_not_absent


def collect(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Take buried keys that are past the grace period."""
    for store in {tombstone.store for tombstone in world.tombstones}:
        keys = frozenset(
            tombstone.key
            for tombstone in world.tombstones
            if tombstone.store == store and not (tombstone.young and setup.rules.grace)
        )
        if keys:
            actor = world.actors[index]._replace(step="collect_delete", keys=keys, store=store)
            yield Step(f"collects {sorted(keys)} of store {store}", with_actor(world, index, actor))


def deletion(world: World, index: int, _: Setup) -> Call:
    """Return the call that a collector or a sweep is about to make."""
    actor = world.actors[index]
    return Call("delete", actor.store, actor.keys)


def collect_delete(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Delete buried keys from Milvus."""
    deleted = perform(move(world, index, "forget"), deletion(world, index, setup))
    yield Step("deletes what it collected", deleted)


def forget(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Forget the tombstones of what was deleted."""
    actor = world.actors[index]
    left = frozenset(
        tombstone
        for tombstone in world.tombstones
        if tombstone.store != actor.store or tombstone.key not in actor.keys
    )
    yield Step("forgets the tombstones", finish(world._replace(tombstones=left), index))


def passes_over(world: World, setup: Setup) -> bool:
    """Tell whether a sweep leaves the collection alone."""
    unapplied = world.build.phase == "switched" and bool(world.build.exceptions)
    return unapplied and setup.rules.exceptions_passed_over


def sweep(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Read a page of keys of the live store."""
    actor = world.actors[index]
    if passes_over(world, setup):
        yield Step("sweeps: passes over a collection with exceptions", finish(world, index))
        return
    page = frozenset(strong(world, world.live)) - named_keys(world)
    seen = actor._replace(keys=page, store=world.live, step="fence")
    if not setup.rules.page_before_fence:
        seen = seen._replace(step="look_again", keys=page - buried_keys(world, world.live))
    if not seen.keys:
        seen = Actor(actor.kind, "repair", store=world.live)
    yield Step(f"sweeps: sees {sorted(page)}, which no row names", with_actor(world, index, seen))


def fence_first(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Note which transactions run before the page is read: what the rule `page_before_fence` forbids."""
    actor = world.actors[index]._replace(awaited=running(world, but=index), step="sweep")
    yield Step("sweeps: notes which transactions run", with_actor(world, index, actor))


def fence(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Note what may be removed, then which transactions run."""
    actor = world.actors[index]
    keys = actor.keys - named_keys(world) - buried_keys(world, actor.store)
    awaited = running(world, but=index) if setup.rules.fence else frozenset()
    noted = actor._replace(keys=keys, awaited=awaited, step="look_again")
    if not keys:
        noted = Actor(actor.kind, "repair", store=actor.store)
    yield Step(
        f"sweeps: waits for {sorted(awaited)} before it removes {sorted(keys)}", with_actor(world, index, noted)
    )


def look_again(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Look again when the transactions of then have ended."""
    actor = world.actors[index]
    if actor.awaited:
        return
    keys = actor.keys
    if setup.rules.look_again:
        keys = keys - named_keys(world) - buried_keys(world, actor.store)
    looked = actor._replace(step="sweep_delete", keys=keys)
    if not keys:
        looked = Actor(actor.kind, "repair", store=actor.store)
    yield Step(f"sweeps: will remove {sorted(keys)}", with_actor(world, index, looked))


def sweep_delete(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Delete what no row names."""
    actor = world.actors[index]
    deleted = perform(world, deletion(world, index, setup))
    moved = with_actor(deleted, index, Actor(actor.kind, "repair", store=actor.store))
    yield Step(f"sweeps: removes {sorted(actor.keys)}", moved)


def repair(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Take a row the key that its store does not hold, and have its file read again."""
    actor = world.actors[index]
    store = world.live if setup.rules.repair_in_live_store else actor.store
    absent = [
        (image, row.key)
        for image, row in enumerate(world.rows)
        if row is not None and row.state == INDEXED and row.key not in strong(world, store)
    ]
    if passes_over(world, setup) or not absent:
        yield Step("sweeps: no row lacks its vector", finish(world, index))
        return
    for image, key in absent:
        if may_lock(world, image):
            bare = unname(world, setup, image, PENDING)
            job = Actor(actor.kind, again(setup), image=image)
            yield Step(
                f"sweeps: key {key} is absent, reads the file again",
                end(bare, index, job),
                why_not_absent(world, key),
            )
