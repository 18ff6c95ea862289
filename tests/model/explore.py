"""The search through every order of the steps."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from model.rest import at_rest
from model.rules import Setup
from model.searching import Judged, judge_all
from model.start import start
from model.state import Row, World
from model.steps import successors


@dataclass(frozen=True)
class Result:
    """Say how a search through all orders ended.

    Attributes:
        states: how many states were looked at.
        problem: what was wrong in one of them; empty: nothing in any.
        trace: the steps that led there, the fewest that do.
    """

    states: int
    problem: str = ""
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the counterexample, a step a line."""
        lines = [f"{number:3} {name}" for number, name in enumerate(self.trace, 1)]
        return "\n".join([f"{self.states} states: {self.problem or 'nothing wrong'}", *lines])


Parents = dict[World, tuple[World, str, str] | None]
"""How each state was first come to."""


@cache
def explore(setup: Setup) -> Result:
    """Look at every state that the steps lead to, breadth first, until one is wrong; the same setup once."""
    with _no_garbage_collector():
        return _explore(setup)


def _explore(setup: Setup) -> Result:
    first = start(setup)
    parents: Parents = {first: None}
    waiting = deque([first])
    judged: Judged = {}
    while waiting:
        world = waiting.popleft()
        goes_on = False
        for who, step in successors(world, setup):
            goes_on = goes_on or not _is_chance(world, step.world)
            came = (world, who, step.name)
            is_new = parents.setdefault(step.world, came) is came
            # What is wrong with a step is looked at however its end was come to before.
            problem = step.problem or grown_older(world, step.world)
            if is_new and not problem:
                problem = judge_all(step.world, setup, judged)
                waiting.append(step.world)
            if problem:
                return Result(len(parents), problem, (*_trace(parents, world), who + step.name))
        problem = "" if goes_on else at_rest(world, setup)
        if problem:
            return Result(len(parents), problem, _trace(parents, world))
    return Result(len(parents))


@contextmanager
def _no_garbage_collector() -> Iterator[None]:
    """Keep Python from looking for circles among a million tuples that hold none: a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _is_chance(before: World, after: World) -> bool:
    """Tell whether a step is a change of the file or a fault, which nobody waits for."""
    return after.disk != before.disk or after.faulty != before.faulty


def grown_older(before: World, after: World) -> str:
    """Say whether a row went back to older bytes."""
    if before.rows is after.rows:
        return ""
    for image, (row, following) in enumerate(zip(before.rows, after.rows, strict=False)):
        if isinstance(row, Row) and isinstance(following, Row) and following.read < row.read:
            return f"image {image} went back to version {following.read} of its file"
    return ""


def _trace(parents: Parents, world: World) -> tuple[str, ...]:
    names: list[str] = []
    came = parents[world]
    while came is not None:
        before, who, name = came
        names.append(who + name)
        came = parents[before]
    return tuple(reversed(names))
