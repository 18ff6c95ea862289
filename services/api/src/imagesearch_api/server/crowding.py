"""Choose which connections go when as many are open as may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def leaving(waiting: Sequence[tuple[str, T]], number: int) -> list[T]:
    """Return connections to close: of the address that has most of them, all but one at most.

    Args:
        waiting: the address and the connection of those that wait, first those that are to go first.
        number: how many are to be closed, if there are as many.
    """
    for crowd, size in Counter(address for address, _ in waiting).most_common(1):
        return [one for address, one in waiting if address == crowd][: min(number, size - 1)]
    return []
