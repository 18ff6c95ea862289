"""Collect figures and print them as one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold one measured value, and what it must be compared with.

    Attributes:
        bound: the promise, for people; empty where there is none.
        holds: whether the promise is kept; None where there is none.
    """

    name: str
    value: str
    bound: str = ""
    holds: bool | None = None


@dataclass
class Report:
    """Collect figures in the order in which they were measured."""

    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: str, bound: str = "", holds: bool | None = None) -> None:
        """Add a figure and show it at once."""
        figure = Figure(name, value, bound, holds)
        self.figures.append(figure)
        print(_line(figure), flush=True)

    @property
    def broken(self) -> list[Figure]:
        """Return the figures whose promise is not kept."""
        return [figure for figure in self.figures if figure.holds is False]


def _line(figure: Figure) -> str:
    verdict = {True: "ok", False: "MISSED", None: ""}[figure.holds]
    return f"{figure.name:<58} {figure.value:>14}  {figure.bound:<28} {verdict}"


def times_ms(calls: Iterable[Callable[[], object]]) -> list[float]:
    """Return how long each call took, in milliseconds."""
    taken = []
    for call in calls:
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
