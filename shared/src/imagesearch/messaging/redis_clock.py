"""Read the one clock that every process shares: that of Redis. Clocks of hosts may differ by hours."""

from __future__ import annotations

from typing import cast

import redis


def redis_now(client: redis.Redis) -> float:
    """Return the seconds since the epoch by the clock of Redis."""
    return redis_seconds(client.time())


def redis_seconds(answer: object) -> float:
    """Return the seconds since the epoch that an answer to ``TIME`` tells."""
    seconds, microseconds = cast(tuple[int, int], answer)
    return seconds + microseconds / 1e6
