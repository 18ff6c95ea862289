"""Measure what operations spend, part by part, leaving out what only prepares them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from bench.scale.cpu import Meter
from bench.scale.ground import Ground

Measure: TypeAlias = Callable[[Ground, "Timer"], None]


class Unit(Enum):
    """Say what one of an operation is."""

    PATH = "path"
    BATCH = "batch"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Operation:
    """Name what is measured, and what one of it is."""

    name: str
    unit: Unit
    measure: Measure


@dataclass
class Part:
    """Hold what a part of an operation took: seconds on the clock and of the CPU, for so many units."""

    units: int = 1
    seconds: float = 0.0
    cpu: float = 0.0


@dataclass
class Timer:
    """Measure the parts of an operation.

    Attributes:
        most: paths that are measured; an operation on more of them may stop then.
    """

    meter: Meter
    most: int
    parts: list[Part] = field(default_factory=list)

    @contextmanager
    def timed(self, units: int = 1) -> Iterator[Part]:
        """Measure one part; its units may be said when it is over."""
        part = Part(units)
        self.meter.begin()
        began = time.perf_counter()
        yield part
        part.seconds = time.perf_counter() - began
        part.cpu = self.meter.end()
        self.parts.append(part)

    @property
    def units(self) -> int:
        """Return how many units were measured so far."""
        return sum(part.units for part in self.parts)

    @property
    def goes_on(self) -> bool:
        """Tell whether more is to be measured."""
        return self.units < self.most

    def cost(self, unit: Unit) -> tuple[float, float]:
        """Return what one path, batch or call takes on the clock and of the CPU.

        Others share the machine, and can only add to what a part takes: of calls the cheapest counts. Of batches,
        which differ, it is the median.
        """
        if unit is Unit.PATH:
            seconds, cpu = sum(part.seconds for part in self.parts), sum(part.cpu for part in self.parts)
            return seconds / self.units, cpu / self.units
        each = [(part.seconds / part.units, part.cpu / part.units) for part in self.parts]
        if unit is Unit.CALL:
            return min(seconds for seconds, _ in each), min(cpu for _, cpu in each)
        return statistics.median(seconds for seconds, _ in each), statistics.median(cpu for _, cpu in each)


def require(holds: bool, otherwise: str) -> None:
    """Raise an error unless what was measured did its work."""
    if not holds:
        raise RuntimeError(otherwise)
