"""Tell whether the message of a batch, or of a job's planning, still waits in its queue, without reading that.

Queues are first in, first out, and each message has a number, which grows. What was queued before the message that
is next to leave has left already. So the number under which something was queued, and the message at the end of
that queue, say as much as the whole queue.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar, cast

import redis

from imagesearch.contract import Queue
from imagesearch.messaging.redis_errors import best_effort, needing_redis
from imagesearch.messaging.small_writes import Command

T = TypeVar("T", int, str)

NOTE_SECONDS = 7 * 86_400
GIVEN_UP_SECONDS = 86_400
SLACK = 256
"""Senders draw numbers, a dispatcher up to 64 at once, and push one after another: a message may stand behind so
many whose numbers are greater."""
PLAN_SLACK = 16
"""Who asks for planning draws one number and pushes at once: no more than these do so at the same time."""
LOOK_AT = 4
"""Messages at the end of a queue that may be others than those which have a number."""

_ORDER_KEY = "imagesearch:order"
_GIVEN_UP = b"given up"
_NOTE = """
local number = redis.call('INCRBY', KEYS[1], #KEYS - 1) - (#KEYS - 1)
for at = 2, #KEYS do
  redis.call('SET', KEYS[at], ARGV[1] .. ':' .. (number + at - 1), 'EX', ARGV[2])
end
return number
"""
_TASK_ID = re.compile(rb'"id":\s*"(?:batch|plan)-[^"]*-(\d+)"')
_BATCH = re.compile(r"batch-.*-(\d+)-\d+")


def batch_task_id(queue: str, batch_id: int, number: int) -> str:
    """Return the Celery task id of a batch's message, which says under which number it was queued."""
    return f"batch-{queue}-{batch_id}-{number}"


def batch_of(task_id: str) -> int | None:
    """Return the batch whose message has this task id; None where that is no batch's."""
    match = _BATCH.fullmatch(task_id)
    return int(match[1]) if match else None


def note_queued(client: redis.Redis, queue: str, batch_ids: Sequence[int]) -> list[str]:
    """Note that the messages of batches are about to be queued; return their task ids.

    Without Redis nothing is noted, and nothing can be queued either.
    """
    numbers = [0] * len(batch_ids)
    with best_effort("queue.not_noted", queue=queue):
        keys = [_ORDER_KEY, *map(_key, batch_ids)]
        first = cast(int, client.eval(_NOTE, len(keys), *keys, queue, NOTE_SECONDS))
        numbers = [first + at + 1 for at in range(len(batch_ids))]
    return [batch_task_id(queue, batch_id, number) for batch_id, number in zip(batch_ids, numbers, strict=True)]


def plan_task_id(job_id: str, number: int) -> str:
    """Return the Celery task id of a job's planning message, which says under which number it was queued."""
    return f"plan-{job_id}-{number}"


def note_plan(client: redis.Redis, job_id: str) -> str:
    """Note that a job's planning message is about to be queued; return its task id.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    with needing_redis():
        found = client.eval(_NOTE, 2, _ORDER_KEY, _plan_key(job_id), Queue.PLAN.value, NOTE_SECONDS)
    return plan_task_id(job_id, cast(int, found) + 1)


def plans_waiting(client: redis.Redis, job_ids: Collection[str]) -> set[str]:
    """Return those of the jobs whose planning message lies in its queue.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    return _waiting(client, {_plan_key(job_id): job_id for job_id in job_ids}, slack=PLAN_SLACK)


def give_up(client: redis.Redis, batch_ids: Collection[int]) -> None:
    """Note that nobody wants these batches any more: a worker that finds the message of one lets it go."""
    with best_effort("queue.not_given_up"), client.pipeline(transaction=False) as pipe:
        for batch_id in batch_ids:
            pipe.set(_key(batch_id), _GIVEN_UP, ex=GIVEN_UP_SECONDS)
        pipe.execute()


def forgetting(batch_id: int) -> Command:
    """Return what forgets one batch."""
    return ("DEL", _key(batch_id))


def is_given_up(client: redis.Redis, batch_id: int) -> bool:
    """Tell whether nobody wants a batch any more; of one that is not known somebody may.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    with needing_redis():
        return client.get(_key(batch_id)) == _GIVEN_UP


def waiting(client: redis.Redis, batch_ids: Collection[int]) -> set[int]:
    """Return those of the batches whose message lies in a queue.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    return _waiting(client, {_key(batch_id): batch_id for batch_id in batch_ids}, slack=SLACK)


def _waiting(client: redis.Redis, wanted: Mapping[str, T], *, slack: int) -> set[T]:
    """Return what of it waits, given by the keys of its notes."""
    if not wanted:
        return set()
    with needing_redis():
        # Read before the queues: what is queued again in between has a greater number, and is found all the same.
        notes = cast(list[bytes | None], client.mget(list(wanted)))
        queued = {
            each: _parse(note)
            for each, note in zip(wanted.values(), notes, strict=True)
            if note not in (None, _GIVEN_UP)
        }
        queues = sorted({queue for queue, _ in queued.values()})
        with client.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.lrange(queue, -LOOK_AT, -1)
            ends = dict(zip(queues, cast(list[list[bytes]], pipe.execute()), strict=True))
    return still_waiting(queued, ends, slack=slack)


def still_waiting(
    queued: Mapping[T, tuple[str, int]], ends: Mapping[str, Sequence[bytes]], *, slack: int = SLACK
) -> set[T]:
    """Return what has a message that has not left its queue.

    Args:
        queued: queue and number, by batch or by job.
        ends: the last messages of each queue, of which the very last is the next to leave.
        slack: how much greater the numbers may be of messages before which one stands.
    """
    next_to_leave = {queue: _number(messages) for queue, messages in ends.items()}
    return {
        each for each, (queue, number) in queued.items() if ends[queue] and number + slack > next_to_leave[queue]
    }


def _number(messages: Sequence[bytes]) -> int:
    """Return the number of the message that leaves next; 0 where none of these has one."""
    found = (_TASK_ID.search(message) for message in reversed(messages))
    return next((int(match[1]) for match in found if match), 0)


def _parse(note: bytes) -> tuple[str, int]:
    queue, _, number = note.decode().rpartition(":")
    return queue, int(number)


def _key(batch_id: int) -> str:
    return f"imagesearch:queued:{batch_id}"


def _plan_key(job_id: str) -> str:
    return f"imagesearch:planning:{job_id}"
