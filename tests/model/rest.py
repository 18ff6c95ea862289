"""What must hold when everybody has come to an end, and the collector and the sweep have run once more."""

from __future__ import annotations

from model.catalogue import apply, buried_keys, named_keys, unname
from model.environment import pass_time
from model.rules import Setup
from model.state import BUILT, INDEXED, LIVE_FIRST, PENDING, Call, Vector, World, drop, network_of, perform, strong
from model.steps_write import why_not_absent

WAITS = {"done", "dead", "collect", "cancel"}
"""Where an actor may stand at the end."""


def at_rest(world: World, setup: Setup) -> str:
    """Say what is wrong at rest, if anything is."""
    stuck = [actor for actor in world.actors if actor.step not in WAITS]
    if stuck:
        return f"nobody can go on: {stuck}"
    return _compare(settle_down(world, setup), setup)


def settle_down(world: World, setup: Setup) -> World:
    """End the build, let time pass, apply, collect and sweep."""
    world = end_build(world, setup)
    world = pass_time(world, setup)
    for store in (LIVE_FIRST, BUILT):
        world = perform(world, Call("delete", store, frozenset(buried_keys(world, store))))
    world = world._replace(tombstones=frozenset())
    unnamed = frozenset(strong(world, world.live)) - named_keys(world)
    return perform(world, Call("delete", world.live, unnamed))


def end_build(world: World, setup: Setup) -> World:
    """Bring a build to its end: what a dead process left is cancelled, or applied and retired."""
    phase = world.build.phase
    if phase == "open":
        world = drop(world, BUILT)
    if phase == "cancelled" and setup.rules.drops_again:
        world = drop(world, BUILT)
    if phase in {"switched", "applied"}:
        for exception in world.build.exceptions:
            world = apply(world, setup, exception)
        world = drop(world, LIVE_FIRST)
    return world._replace(build=world.build._replace(phase="none", exceptions=frozenset()))


def _compare(world: World, setup: Setup) -> str:
    there = strong(world, world.live)
    network = network_of(world.live, extracts=setup.extracts)
    for image, row in enumerate(world.rows):
        if row is None or row.state != INDEXED:
            continue
        if row.key not in there:
            problem = why_not_absent(world, row.key)
            if problem:
                return f"at rest: image {image} names key {row.key}, which is nowhere"
            there.pop(row.key, None)
            world = unname(world, setup, image, PENDING)
        elif there[row.key] != Vector(row.digest, row.labels, network):
            return f"at rest: the vector of image {image} is {there[row.key]}, its row is {row}"
    if set(there) != named_keys(world):
        return f"at rest: keys {sorted(there)} are in the store, rows name {sorted(named_keys(world))}"
    if world.stores[1 - world.live] is not None:
        return "at rest: a store that was dropped is there"
    return ""
