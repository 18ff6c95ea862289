"""Count what waits in each queue and what workers have in hand: by these figures workers are scaled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from imagesearch.contract import Queue
from imagesearch.messaging.claims import InFlight
from imagesearch.messaging.query_channel import queries_key
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.messaging.redis_transport import IN_HAND_KEY, UNACKED_INDEX_KEY
from imagesearch.networks import is_queue_of


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


def backlogs(client: redis.Redis, consumed: Iterable[str] = ()) -> dict[Queue, Backlog]:
    """Return what the queues of each stage hold; as many entries are read as workers have messages in hand.

    Args:
        client: of Redis.
        consumed: queues of live workers; batches are counted wherever they were sent, queries only there.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    names = sorted({Queue.INDEX.value, Queue.PLAN.value, *InFlight(client).extract_queues(), *consumed})
    names = [name for name in names if _stage(name) is not None]
    with needing_redis(), client.pipeline(transaction=True) as pipe:
        for name in names:
            pipe.llen(queries_key(name) if _stage(name) is Queue.QUERY else name)
        pipe.hgetall(IN_HAND_KEY)
        pipe.zrange(UNACKED_INDEX_KEY, 0, -1)
        *lengths, queues, tags = pipe.execute()
    waiting, in_hand = Counter[Queue | None](), Counter[Queue | None]()
    for name, length in zip(names, lengths, strict=True):
        waiting[_stage(name)] += length
    in_hand.update(_stage(queues[tag].decode()) for tag in tags if tag in queues)
    return {stage: Backlog(waiting[stage], in_hand[stage]) for stage in Queue}


def _stage(queue: str) -> Queue | None:
    """Return what a queue is for; None where that is nothing that waits, as with pings of one worker."""
    return next((stage for stage in Queue if is_queue_of(stage, queue)), None)


def memory(client: redis.Redis) -> RedisMemory:
    """Return how full Redis is.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    with needing_redis():
        found = cast(Mapping[str, Any], client.info("memory"))
    return RedisMemory(used=int(found["used_memory"]), limit=int(found.get("maxmemory", 0)))
