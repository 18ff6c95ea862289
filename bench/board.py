"""Collect the figures, show each as it comes, write them as JSON lines, and tell which goals were missed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.ratio import Ratio


@dataclass(frozen=True, slots=True)
class Goal:
    """Say what a figure compares, and what it is to be.

    Attributes:
        compares: what over what.
        at_least: the least that it may be; None where there is no such bound.
        at_most: the most.
    """

    compares: str
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool | None:
        """Tell whether a value is within the bounds; None where there are none."""
        if self.at_least is None and self.at_most is None:
            return None
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )

    def __str__(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:.2f}"
        return f"<= {self.at_most:.2f}" if self.at_most is not None else "reported"


SEARCH: Final = "over a bare Milvus search and Postgres select through one HTTP request"
GOALS: Final = {
    "ingest_efficiency": Goal("rate of a job over the bare forward pass", at_least=0.95),
    "ingest_efficiency_int8": Goal("the same in 8 bits", at_least=0.90),
    "engine_choice": Goal("rate of our forward pass over the best engine's", at_least=0.97),
    "engine_choice_int8": Goal("the same in 8 bits", at_least=0.97),
    "engine_choice_single": Goal("the same, one picture a pass"),
    "engine_choice_single_int8": Goal("the same in 8 bits"),
    "ingest_vs_published": Goal("rate of a job over the published way"),
    "ingest_vs_published_ceiling": Goal("rate of the bare forward pass over the published way"),
    "search_new": Goal("over bare forward pass + Milvus search + Redis round trip", at_most=1.10),
    "search_cached": Goal(SEARCH, at_most=2.0),
    "search_by_id": Goal(SEARCH, at_most=2.0),
    "search_under_bulk": Goal("p95 beside a job over p95 alone", at_most=1.5),
    "searches_per_second": Goal("rate at p95 < 3x idle over 1 / forward pass", at_least=0.9),
    "process_poll": Goal("a poll at many paths over one at 100", at_most=1.2),
    "process_poll_from_postgres": Goal("the same where Redis knows nothing", at_most=1.2),
    "plan_new": Goal("paths/s over walk with stat + COPY", at_least=0.4),
    "plan_unchanged": Goal("paths/s over walk with stat + COPY", at_least=0.4),
    "index_efficiency": Goal("rows/s over bare upsert + COPY", at_least=0.7),
    "worker_peak": Goal("peak memory at many paths over the bare network's", at_most=1.5),
    "recall_at_10": Goal("found of the true ten nearest, crops of photos", at_least=0.99),
    "recall_at_10_noise": Goal("found of the true ten nearest, noise"),
}
"""Every figure, in the order of the table."""


@dataclass
class Board:
    """Show figures as they come, and keep what the table at the end says.

    Attributes:
        results: takes a JSON object a line; None writes none.
    """

    results: Path | None = None
    measured: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    _rows: dict[str, str] = field(default_factory=dict)

    def ratio(self, name: str, found: Ratio, unit: str, scale: float = 1.0, **facts: Any) -> None:
        """Add a figure of rounds.

        Args:
            name: of the figure.
            found: its rounds.
            unit: of what was measured, after `scale`.
            scale: what it is shown times.
            facts: what else is to be known of it.
        """
        low, high = found.spread
        middle = [sorted(values)[len(values) // 2] * scale for values in (found.over, found.under)]
        facts |= {"over": round(middle[0], 4), "under": round(middle[1], 4), "unit": unit}
        self.value(name, found.median, low=round(low, 4), high=round(high, 4), rounds=len(found.each), **facts)

    def value(self, name: str, value: float, **facts: Any) -> None:
        """Add a figure that is a ratio by itself."""
        goal = GOALS[name]
        self.measured[name] = value
        said = ", ".join(f"{key} {_shown(fact)}" for key, fact in facts.items())
        self._rows[name] = row(name, value, goal, facts)
        print(f"{name}: {value:.3f} (goal {goal}; {said})", flush=True)
        self._write({"name": name, "value": round(value, 4), **_bounds(goal), "holds": goal.holds(value), **facts})

    def note(self, name: str, **facts: Any) -> None:
        """Tell something that is no figure."""
        print(f"  {name}: {', '.join(f'{key} {_shown(fact)}' for key, fact in facts.items())}", flush=True)
        self._write({"note": name, **facts})

    def broke(self, names: tuple[str, ...], reason: str) -> None:
        """Note that figures could not be measured; the others are."""
        for name in names:
            if name not in self.measured:
                self.failed[name] = reason
                self._rows[name] = (
                    f"| {name} | {GOALS[name].compares} | not measured: {reason} | | {GOALS[name]} | |"
                )
                print(f"{name}: not measured: {reason}", flush=True)
                self._write({"name": name, "value": None, **_bounds(GOALS[name]), "error": reason})

    @property
    def missed(self) -> list[str]:
        """Return the figures whose goal was missed."""
        return [name for name, value in self.measured.items() if GOALS[name].holds(value) is False]

    def table(self) -> str:
        """Return all figures as one table."""
        head = "| figure | what over what | value | lowest - highest | goal | |\n|---|---|---|---|---|---|"
        return "\n".join([head, *(self._rows[name] for name in GOALS if name in self._rows)])

    def status(self) -> int:
        """Return the exit status: 1 where a goal was missed or a figure could not be measured."""
        return 1 if self.missed or self.failed else 0

    def _write(self, line: Mapping[str, Any]) -> None:
        if self.results is not None:
            stamped = {**line, "at": round(time.time(), 1), "load": round(os.getloadavg()[0], 2)}
            with self.results.open("a") as file:
                file.write(f"{json.dumps(stamped)}\n")


def row(name: str, value: float, goal: Goal, facts: Mapping[str, Any]) -> str:
    """Return a figure's row of the table."""
    spread = f"{facts['low']:.2f} - {facts['high']:.2f}" if "low" in facts else ""
    verdict = {True: "holds", False: "MISSED", None: ""}[goal.holds(value)]
    return f"| {name} | {goal.compares} | {value:.2f} | {spread} | {goal} | {verdict} |"


def _bounds(goal: Goal) -> dict[str, float | None]:
    return {"at_least": goal.at_least, "at_most": goal.at_most}


def _shown(fact: object) -> str:
    return f"{fact:.6g}" if isinstance(fact, float) else str(fact)
