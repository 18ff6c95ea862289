"""How a run begins."""

from __future__ import annotations

from collections.abc import Mapping

from model.catalogue import create_row
from model.rules import Rules, Setup
from model.state import INDEXED, LIVE_FIRST, Actor, Build, Row, Store, Vector, World

FIRST_KEY = 1


def start(setup: Setup) -> World:
    """Return the state before anybody has acted: one image, indexed or waiting, and one store."""
    first = Vector(0, 0, 0)
    content = frozenset({(FIRST_KEY, first)}) if setup.indexed else frozenset[tuple[int, Vector]]()
    world = World(
        disk=int(setup.changed),
        rows=(),
        stores=(Store((content,)), None),
        tombstones=frozenset(),
        live=LIVE_FIRST,
        build=Build(),
        drawn=FIRST_KEY,
        exclusive=False,
        actors=tuple(Actor(kind, first_step(kind, setup.rules)) for kind in setup.actors),
    )
    if not setup.indexed:
        return create_row(world, 0)
    row = Row(INDEXED, 0, 0, FIRST_KEY, FIRST_KEY, 0, steady=True, digests=1)
    return world._replace(rows=(row,))


def first_step(kind: str, rules: Rules) -> str:
    """Return the step that an actor begins with."""
    steps: Mapping[str, str] = {
        "writer": "dispatch" if rules.expected_before_reading else "read",
        "labels": "update_labels",
        "deleter": "delete",
        "collector": "collect",
        "sweeper": "sweep" if rules.page_before_fence else "fence_first",
        "builder": "begin_round",
        "canceller": "cancel",
        "searcher": "ask",
    }
    return steps[kind]
