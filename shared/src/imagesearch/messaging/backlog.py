"""Count what waits in each queue and what workers have in hand: by these figures workers are scaled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from imagesearch.contract import Queue
from imagesearch.messaging.query_channel import QUERIES_KEY
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.messaging.redis_transport import IN_HAND_KEY, UNACKED_INDEX_KEY

LISTS = {queue: queue.value for queue in Queue} | {Queue.QUERY: QUERIES_KEY}
"""The Redis list of each queue."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Count the messages of one queue.

    Attributes:
        waiting: in the queue.
        in_hand: taken by a worker and not done. Queries that are being answered are not counted.
    """

    waiting: int
    in_hand: int


@dataclass(frozen=True, slots=True)
class RedisMemory:
    """Hold how much memory Redis uses, and how much it may use at most, in bytes; zero is no limit."""

    used: int
    limit: int


def backlogs(client: redis.Redis) -> dict[Queue, Backlog]:
    """Return what each queue holds; as many entries are read as workers have messages in hand.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    with needing_redis(), client.pipeline(transaction=True) as pipe:
        for name in LISTS.values():
            pipe.llen(name)
        pipe.hgetall(IN_HAND_KEY)
        pipe.zrange(UNACKED_INDEX_KEY, 0, -1)
        *lengths, queues, tags = pipe.execute()
    in_hand = Counter(queues[tag].decode() for tag in tags if tag in queues)
    return {queue: Backlog(waiting, in_hand[queue.value]) for queue, waiting in zip(LISTS, lengths, strict=True)}


def memory(client: redis.Redis) -> RedisMemory:
    """Return how full Redis is.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    with needing_redis():
        found = cast(Mapping[str, Any], client.info("memory"))
    return RedisMemory(used=int(found["used_memory"]), limit=int(found.get("maxmemory", 0)))
