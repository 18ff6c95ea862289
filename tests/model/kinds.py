"""Who acts together, and which steps are taken together so that their orders can all be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

KINDS = ("writer", "labels", "deleter", "collector", "sweeper", "builder", "canceller", "searcher")
CRASH, FREEZE, LOSE = frozenset({"crash"}), frozenset({"freeze"}), frozenset({"lose"})
FAULTS = CRASH | FREEZE

PRIVATE = frozenset({"create", "reach", "retire"})
"""Steps that nobody else sees: what a build notes for itself."""
COARSE = PRIVATE | {"read", "fill_read", "note_running", "list", "take", "begin_round"}
"""Also reads that follow another one: what may happen between the two is looked at with fewer actors."""
COARSEST = COARSE | {"commit", "fill_commit", "fence", "look_again"}
"""Also the end of a transaction after its insertion, and the fence of a sweep after its page."""


def companies(size: int) -> Iterator[tuple[str, ...]]:
    """Yield which actors are let loose together: of each kind one, of writers more."""
    for kinds in combinations_with_replacement(KINDS, size):
        if any(kinds.count(kind) > 1 for kind in KINDS if kind != "writer"):
            continue
        if "canceller" in kinds and "builder" not in kinds:
            continue
        yield kinds
