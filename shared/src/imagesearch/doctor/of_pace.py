"""Look how fast a store answers: one that is slow fails nothing, and makes everything late."""

from __future__ import annotations

import time
from collections.abc import Callable

from imagesearch.doctor.diagnosis import Diagnosis, judge

TRIES = 3
SLOW_SECONDS = 0.5
"""A search asks each store once or more. A well one answers in milliseconds, from another region in fifty."""


def examine_pace(store: str, ping: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> Diagnosis:
    """Return how fast a store answers the least that can be asked, at the best of some tries.

    Args:
        store: its name.
        ping: asks it; raises `StoreUnavailable`.
        clock: in seconds.

    Raises:
        StoreUnavailable: it does not answer.
    """
    took = []
    for _ in range(TRIES):
        began = clock()
        ping()
        took.append(clock() - began)
    return judge(
        f"{store} pace",
        f"answers in {min(took) * 1000:.0f} ms",
        "See what else it and its disk do, and how far away it is: everything waits for it.",
        is_well=min(took) < SLOW_SECONDS,
    )
