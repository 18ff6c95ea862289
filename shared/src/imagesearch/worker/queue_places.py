"""Bound what a worker has in hand of each queue, so that what takes long leaves threads to what is short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from celery.worker import state as worker_state
from kombu.utils.scheduling import round_robin_cycle


class QueuePlaces(round_robin_cycle):  # type: ignore[misc]  # Kombu has no types
    """Take turns among queues, and take nothing from one of which this process has as much in hand as it may.

    A message that cannot be begun at once stays in its queue, for another process.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        super().__init__()
        self._limits = limits

    def consume(self, n: int) -> list[str]:
        """Return the queues of which another message may be taken now."""
        # Copied in one step: threads that end their work take their requests out meanwhile.
        requests = list(worker_state.requests.values())
        in_hand = Counter(request.delivery_info.get("routing_key") for request in requests)
        queues: list[str] = super().consume(n)
        return [queue for queue in queues if queue not in self._limits or in_hand[queue] < self._limits[queue]]
