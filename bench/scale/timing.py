"""Time what is measured, part by part, leaving out what only prepares it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from bench.scale.ground import Ground

Measure: TypeAlias = Callable[[Ground, "Timer"], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """Name what is measured.

    Attributes:
        unit: what one of it costs: a path, or a call.
    """

    name: str
    unit: str
    measure: Measure


@dataclass
class Timer:
    """Sum up how long parts of an operation took, and how many paths or calls they were for."""

    seconds: float = 0.0
    units: int = 0
    parts: list[float] = field(default_factory=list)

    @contextmanager
    def timed(self, units: int = 1) -> Iterator[None]:
        """Time one part."""
        began = time.perf_counter()
        yield
        took = time.perf_counter() - began
        self.seconds += took
        self.units += units
        self.parts.append(took / units)


def require(holds: bool, otherwise: str) -> None:
    """Raise an error unless what was measured did its work."""
    if not holds:
        raise RuntimeError(otherwise)
