"""Collect what each fault cost, and print it as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from support.faults.verdict import Verdict

COLUMNS = ("fault", "rounds", "lost", "duplicated", "wrong vectors", "wrong counters", "seconds to recover")


@dataclass
class Line:
    """Add up the rounds of one fault; `slowest` is the longest time from the fault to the end of its job."""

    fault: str
    rounds: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong_vectors: int = 0
    wrong_counters: int = 0
    slowest: float = 0.0

    def cells(self) -> tuple[str, ...]:
        counts = (self.rounds, self.lost, self.duplicated, self.wrong_vectors, self.wrong_counters)
        return (self.fault, *map(str, counts), f"{self.slowest:.1f}")


@dataclass
class Scoreboard:
    """Hold a line for each fault, in the order in which they came."""

    lines: dict[str, Line] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, fault: str, verdict: Verdict, seconds: float, rounds: int = 1) -> None:
        """Count a round, and fail it unless nothing was lost, doubled, wrong or miscounted."""
        line = self.lines.setdefault(fault, Line(fault))
        line.rounds += rounds
        line.lost += verdict.lost
        line.duplicated += verdict.duplicated
        line.wrong_vectors += verdict.wrong_vectors
        line.wrong_counters += verdict.wrong_counters
        line.slowest = max(line.slowest, seconds)
        assert verdict.is_clean, f"{fault}: {verdict}"

    def table(self) -> Iterator[str]:
        rows = [COLUMNS, *(line.cells() for line in self.lines.values())]
        widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
        for row in rows:
            first, *others = (
                cell.ljust(width) if not index else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            yield "  ".join([first, *others])
        yield from self.notes
