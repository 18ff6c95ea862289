"""Compare two things that are done in turns: a machine that is slower for a while is so for both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Measure = Callable[[], float]
"""Does something, and returns what it took."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Hold what was measured of two things, round by round.

    Attributes:
        over: of the one.
        under: of the other, which was done in the same round.
    """

    over: tuple[float, ...]
    under: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.over or len(self.over) != len(self.under):
            raise ValueError(f"{len(self.over)} and {len(self.under)} measurements are no rounds")

    @property
    def each(self) -> tuple[float, ...]:
        """Return the ratio of each round."""
        return tuple(over / under for over, under in zip(self.over, self.under, strict=True))

    @property
    def median(self) -> float:
        """Return the median of the rounds' ratios."""
        return statistics.median(self.each)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the lowest and the highest of them."""
        return min(self.each), max(self.each)

    def inverted(self) -> Ratio:
        """Return the ratio of the other to the one: of rates, where times were measured of the same work."""
        return Ratio(self.under, self.over)


def in_turns(rounds: int, over: Measure, under: Measure) -> Ratio:
    """Do one thing and then the other, again and again."""
    pairs = [(over(), under()) for _ in range(rounds)]
    return Ratio(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))


def seconds(work: Callable[[], object]) -> float:
    """Do something once, and return the seconds that it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_seconds(calls: Iterable[Callable[[], object]]) -> float:
    """Make calls one after the other, and return what one takes, in seconds: the median."""
    return statistics.median([seconds(call) for call in calls])
