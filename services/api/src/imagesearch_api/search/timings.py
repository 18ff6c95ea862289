"""Measure the stages of a search."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from imagesearch import tracing
from imagesearch.metrics import SEARCH_SECONDS


@dataclass
class Timings:
    """Measure the stages of one search in milliseconds."""

    took_ms: dict[str, float] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        begun = time.perf_counter()
        try:
            with tracing.step(stage):
                yield
        finally:
            seconds = time.perf_counter() - begun
            SEARCH_SECONDS.labels(stage).observe(seconds)
            self.took_ms[stage] = round(self.took_ms.get(stage, 0.0) + seconds * 1000, 3)

    def with_total(self) -> dict[str, float]:
        """Return the stages and the time since the search began."""
        return {**self.took_ms, "total": round((time.perf_counter() - self.begun) * 1000, 3)}
