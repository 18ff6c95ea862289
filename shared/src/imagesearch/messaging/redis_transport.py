"""Kombu's transport over Redis, by the clock of Redis.

Kombu notes when each message was taken, and gives those back to their queue that were not acknowledged in time:
both by the clock of whichever worker does it. One whose clock is an hour ahead takes everything away from the
others, again and again, and one that is behind loses what it has in hand.
"""

from __future__ import annotations

import time
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

from imagesearch.messaging.claims import claim_taken
from imagesearch.messaging.redis_clock import redis_now

IN_HAND_KEY = "imagesearch:in_hand"
"""A hash: of each message in a worker's hands, the queue that it was taken from. Kombu keeps that only beside the
message itself, and counting would read them all."""
UNACKED_INDEX_KEY = "unacked_index"
"""Kombu's own set of what is in hand; what the hash has and this has not was left there by a crash."""


class QoS(redis.QoS):  # type: ignore[misc]  # Kombu has no types
    """Keep what is not acknowledged, with the times of Redis."""

    visibility_timeout: float = 0.0
    """Seconds, and what this process' clock is ahead, since Kombu subtracts them from its time."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note that a message was taken, and that the batch of which it speaks is in a worker's hands."""
        super().append(message, delivery_tag)
        with self.channel.conn_or_acquire() as client:
            now, queue = redis_now(client), message.delivery_info["routing_key"]
            pipe = client.pipeline().zadd(self.unacked_index_key, {delivery_tag: now}, xx=True)
            pipe.hset(IN_HAND_KEY, delivery_tag, queue)
            claim_taken(pipe, queue, str(message.headers.get("id")))
            pipe.execute()

    def _remove_from_indices(self, delivery_tag: str, pipe: Any = None) -> Any:
        """Forget a message that is acknowledged or given back; Kombu does so here and nowhere else."""
        return super()._remove_from_indices(delivery_tag, pipe).hdel(IN_HAND_KEY, delivery_tag)

    def restore_visible(self, *args: Any, **named: Any) -> None:
        """Give messages back to their queues that were taken too long ago."""
        with self.channel.conn_or_acquire() as client:
            ahead = time.time() - redis_now(client)
        self.visibility_timeout = self.channel.visibility_timeout + ahead
        super().restore_visible(*args, **named)


class Channel(redis.Channel):  # type: ignore[misc]
    """Take messages, and keep them as `QoS` does."""

    QoS = QoS


class Transport(redis.Transport):  # type: ignore[misc]
    """Connect to Redis."""

    Channel = Channel


def use_clock_of_redis() -> None:
    """Have every address of Redis mean this transport, with and without TLS."""
    # Kombu reads whether there is TLS from the scheme, so the scheme has to stay what names the transport.
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:{Transport.__name__}"))
