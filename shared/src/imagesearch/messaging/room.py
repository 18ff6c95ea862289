"""Find out whether Redis has room for more."""

from __future__ import annotations

import redis

from imagesearch.messaging.redis_errors import needing_redis

PROBE_KEY = "imagesearch:room"
PROBE_SECONDS = 60


def require_room(client: redis.Redis) -> None:
    """Write what a sender might.

    Raises:
        StoreFull: Redis takes nothing more.
        StoreUnavailable: it does not answer.
    """
    with needing_redis():
        client.set(PROBE_KEY, "", ex=PROBE_SECONDS)
