"""Remember the newest job of the published interface, which asks for progress without an id."""

from __future__ import annotations

import redis

from imagesearch.messaging.redis_errors import best_effort

LATEST_KEY = "imagesearch:v1:latest"


class LatestJob:
    """Keep an id in Redis, as long as Redis answers."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def keep(self, job_id: str) -> None:
        """Remember a job."""
        with best_effort("latest.not_written"):
            self._redis.set(LATEST_KEY, job_id)

    def get(self) -> str | None:
        """Return the job that was remembered last; None where that is not known."""
        latest = None
        with best_effort("latest.not_read"):
            latest = self._redis.get(LATEST_KEY)
        return latest.decode() if isinstance(latest, bytes) else None
