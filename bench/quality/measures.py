"""Judge rankings."""

from __future__ import annotations

from collections.abc import Sequence


def precision_at(depth: int, is_right: Sequence[bool]) -> float:
    """Return the share of right answers among the first so many."""
    return sum(is_right[:depth]) / depth


def average_precision(is_right: Sequence[bool]) -> float:
    """Return the mean, over the right answers, of the share of right ones up to each; 0 where none is right.

    The ranking is that of the whole collection, so that every right answer has its place in it (Manning et al.,
    Introduction to Information Retrieval, 8.4).
    """
    found, total = 0, 0.0
    for place, right in enumerate(is_right, start=1):
        if right:
            found += 1
            total += found / place
    return total / found if found else 0.0


def is_found_within(depth: int, wanted: str, ranking: Sequence[str]) -> bool:
    """Tell whether the wanted answer is among the first so many."""
    return wanted in ranking[:depth]
