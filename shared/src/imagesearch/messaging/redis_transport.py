"""Kombu's transport over Redis, by the clock of Redis.

Kombu notes when each message was taken, and gives those back to their queue that were not acknowledged in time:
both by the clock of whichever worker does it. One whose clock is an hour ahead takes everything away from the
others, again and again, and one that is behind loses what it has in hand.
"""

from __future__ import annotations

import time
from queue import Empty
from typing import Any

import structlog
from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.utils.json import dumps
from redis.exceptions import ResponseError

from imagesearch.messaging.claims import claim_taken
from imagesearch.messaging.redis_clock import redis_now
from imagesearch.messaging.redis_errors import redis_failed, shortage
from imagesearch.messaging.small_writes import write_small

log = structlog.get_logger()

IN_HAND_KEY = "imagesearch:in_hand"
"""A hash: of each message in a worker's hands, the queue that it was taken from. Kombu keeps that only beside the
message itself, and counting would read them all."""
UNACKED_INDEX_KEY = "unacked_index"
"""Kombu's own set of what is in hand; what the hash has and this has not was left there by a crash."""
REFUSED_SECONDS = 1.0
"""How long a worker waits before it asks a Redis again that lets it take nothing."""


class QoS(redis.QoS):  # type: ignore[misc]  # Kombu has no types
    """Keep what is not acknowledged, with the times of Redis."""

    visibility_timeout: float = 0.0
    """Seconds, and what this process' clock is ahead, since Kombu subtracts them from its time."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note that a message was taken, and that the batch of which it speaks is in a worker's hands.

        Kombu's own note is refused by a Redis that has reached its `maxmemory`, and then the message is lost.
        """
        queue = message.delivery_info["routing_key"]
        taken = dumps([message._raw, message.delivery_info["exchange"], queue])
        with self.channel.conn_or_acquire() as client:
            write_small(
                client,
                [
                    ("ZADD", self.unacked_index_key, redis_now(client), delivery_tag),
                    ("HSET", self.unacked_key, delivery_tag, taken),
                    ("HSET", IN_HAND_KEY, delivery_tag, queue),
                    *claim_taken(queue, str(message.headers.get("id"))),
                ],
            )
        super(redis.QoS, self).append(message, delivery_tag)

    def _remove_from_indices(self, delivery_tag: str, pipe: Any = None) -> Any:
        """Forget a message that is acknowledged or given back; Kombu does so here and nowhere else."""
        return super()._remove_from_indices(delivery_tag, pipe).hdel(IN_HAND_KEY, delivery_tag)

    def restore_visible(self, *args: Any, **named: Any) -> None:
        """Give messages back to their queues that were taken too long ago, unless Redis takes nothing now."""
        with self.channel.conn_or_acquire() as client:
            ahead = time.time() - redis_now(client)
        self.visibility_timeout = self.channel.visibility_timeout + ahead
        try:
            super().restore_visible(*args, **named)
        except ResponseError as error:
            if shortage(error) is None:
                raise
            log.warning("messages.not_given_back", reason=str(redis_failed(error)))


class Channel(redis.Channel):  # type: ignore[misc]
    """Take messages, and keep them as `QoS` does."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        """Read what was waited for; a Redis that cannot write its file lets nobody take anything."""
        try:
            return super()._brpop_read(**options)
        except ResponseError as error:
            if shortage(error) is None:
                raise
            # Passed on, it would have the consumer give back what its threads are working on, and connect anew.
            log.warning("messages.not_taken", reason=str(redis_failed(error)))
            time.sleep(REFUSED_SECONDS)
            raise Empty from error

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Note where messages for a queue go; no queue of ours is a fanout, or expires."""
        member = self.sep.join([routing_key or "", pattern or "", queue or ""])
        keys = (self.keyprefix_queue % (exchange,), self.keyprefix_binding_permanent % (exchange,))
        with self.conn_or_acquire() as client:
            write_small(client, [("SADD", key, member) for key in keys])


class Transport(redis.Transport):  # type: ignore[misc]
    """Connect to Redis."""

    Channel = Channel
    # Who cannot write is away: a consumer waits and connects anew, where Celery would end the process.
    connection_errors = (*redis.Transport.connection_errors, ResponseError)


def use_clock_of_redis() -> None:
    """Have every address of Redis mean this transport, with and without TLS."""
    # Kombu reads whether there is TLS from the scheme, so the scheme has to stay what names the transport.
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:{Transport.__name__}"))
