"""Remember the newest job of the published interface, which asks for progress without an id."""

from __future__ import annotations

import redis

from imagesearch.messaging.redis_errors import best_effort

LATEST_KEY = "imagesearch:v1:latest"


class LatestJob:
    """Keep an id in Redis, as long as Redis answers."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def keep(self, job_id: str, api_key_id: str | None) -> None:
        """Remember a job that was submitted under an API key, or without one."""
        with best_effort("latest.not_written"):
            self._redis.set(_key(api_key_id), job_id)

    def get(self, api_key_id: str | None) -> str | None:
        """Return the job that was remembered last for the key; None where that is not known."""
        latest = None
        with best_effort("latest.not_read"):
            latest = self._redis.get(_key(api_key_id))
        return latest.decode() if isinstance(latest, bytes) else None


def _key(api_key_id: str | None) -> str:
    return LATEST_KEY if api_key_id is None else f"{LATEST_KEY}:{api_key_id}"
