"""Tell through Redis which batches are in somebody's hands, and which wait in a queue.

Nothing here is the truth. A claim only tells the reconciler that a batch is being worked on, so that it is not
sent again; when Redis forgets everything, batches are sent again and done again, harmlessly.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import cast

import redis
import structlog

from imagesearch.contract import Queue
from imagesearch.errors import TransientError
from imagesearch.messaging import queue_order
from imagesearch.messaging.redis_errors import best_effort, needing_redis
from imagesearch.messaging.room import require_room
from imagesearch.messaging.small_writes import Command, write_small
from imagesearch.networks import is_queue_of

log = structlog.get_logger()

STAGES = (Queue.EXTRACT, Queue.INDEX)
"""Where a batch waits or is worked on, in this order."""
QUEUES_KEY = "imagesearch:extract-queues"
"""The queues that batches were ever sent to: one for each network, and for each of its weights."""
CLAIM_SECONDS = 15
BEGUN_SECONDS = 86_400
ENDED_SECONDS = 900
"""How long the count of begun work outlives an end: longer than a lease, as another worker may hold the batch."""


class BatchClaims:
    """Claim batches for this process while it works on them.

    Hold a batch with `claimed` from before its first byte is read until its result is published or it is
    handed back, and call `renew` every few seconds. A batch that was begun and never ended has crashed its
    worker: the count of these tells a poisonous batch from an unlucky one.
    """

    def __init__(self, client: redis.Redis, worker: str) -> None:
        self._redis = client
        self._worker = worker
        self._held: set[tuple[Queue, int]] = set()
        self._lock = Lock()

    @contextmanager
    def claimed(self, stage: Queue, batch_id: int) -> Iterator[None]:
        """Hold the claim on a batch for a block of work.

        A block that fails for any reason but a store that is away, or a stop, counts as a crash: the batch would
        fail in every worker that it is sent to. For those two the batch goes back to its queue.
        """
        self.begin(stage, batch_id)
        try:
            yield
        except Exception as error:
            goes_back = isinstance(error, TransientError)
            if goes_back and stage is STAGES[-1]:
                # Its beginning has taken the note away that says where its message waits.
                self.queued(stage.value, batch_id)
            self._let_go(stage, batch_id, ended=goes_back, goes_back=goes_back)
            raise
        self.end(stage, batch_id)

    def begin(self, stage: Queue, batch_id: int) -> None:
        """Claim a batch; without Redis the work goes on unclaimed and may be done twice."""
        with self._lock:
            self._held.add((stage, batch_id))
        begun = _begun_key(stage, batch_id)
        commands = [self._claim(stage, batch_id), ("INCR", begun), ("EXPIRE", begun, BEGUN_SECONDS)]
        if stage is STAGES[-1]:
            # The claim says from here on where the batch is.
            commands.append(queue_order.forgetting(batch_id))
        with best_effort("claim.not_written", stage=str(stage), batch=batch_id):
            write_small(self._redis, commands)

    def renew(self) -> None:
        """Make the claims of this process last longer.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with self._lock:
            held = sorted(self._held)
        with needing_redis():
            write_small(self._redis, [self._claim(stage, batch_id) for stage, batch_id in held])

    def end(self, stage: Queue, batch_id: int) -> None:
        """Give a batch up; without Redis the claim runs out by itself."""
        self._let_go(stage, batch_id, ended=True)

    def queued(self, queue: str, batch_id: int) -> str:
        """Note that the message of a batch is about to be queued; return its task id."""
        [task_id] = queue_order.note_queued(self._redis, queue, [batch_id])
        return task_id

    def is_given_up(self, batch_id: int) -> bool:
        """Tell whether nobody wants a batch any more.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        return queue_order.is_given_up(self._redis, batch_id)

    def _let_go(self, stage: Queue, batch_id: int, *, ended: bool, goes_back: bool = False) -> None:
        with self._lock:
            self._held.discard((stage, batch_id))
        # A worker that stops on a busy machine takes seconds to put the message back, and until then only the
        # claim says that the batch is not lost. It runs out by itself.
        claim = self._claim(stage, batch_id) if goes_back else ("DEL", _claim_key(stage, batch_id))
        begun = _begun_key(stage, batch_id)
        commands = [claim, *([("DECR", begun), ("EXPIRE", begun, ENDED_SECONDS)] if ended else [])]
        with best_effort("claim.not_released", stage=str(stage), batch=batch_id):
            write_small(self._redis, commands)

    def _claim(self, stage: Queue, batch_id: int) -> Command:
        return _claiming(_claim_key(stage, batch_id), self._worker)


def claim_taken(queue: str, task_id: str) -> list[Command]:
    """Return what claims the batch whose message has left its queue; nothing where it is no batch's.

    Its worker claims it anew when it begins; between the two a busy machine may lie for seconds.
    """
    batch_id = queue_order.batch_of(task_id)
    stage = next((stage for stage in STAGES if is_queue_of(stage, queue)), None)
    return [] if batch_id is None or stage is None else [_claiming(_claim_key(stage, batch_id), "taken")]


class InFlight:
    """See which batches are waiting in Redis or in a worker's hands."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def queued(self, queue: str, batch_ids: Sequence[int]) -> list[str]:
        """Note that the messages of batches are about to be queued for extractors; return their task ids."""
        with best_effort("queue.not_noted", queue=queue):
            self._redis.sadd(QUEUES_KEY, queue)
        return queue_order.note_queued(self._redis, queue, batch_ids)

    def answered(self, batch_ids: Sequence[int]) -> list[str]:
        """Note that answers to batches which no extractor has are about to be queued; return their task ids."""
        return queue_order.note_queued(self._redis, Queue.INDEX.value, batch_ids)

    def extract_queues(self) -> list[str]:
        """Return the names of the queues that batches were ever sent to.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with needing_redis():
            return sorted(name.decode() for name in cast(set[bytes], self._redis.smembers(QUEUES_KEY)))

    def give_up(self, batch_ids: Collection[int]) -> None:
        """Have workers that find the messages of these batches let them go, as nobody wants them any more."""
        queue_order.give_up(self._redis, batch_ids)

    def waiting(self, batch_ids: Collection[int]) -> set[int]:
        """Return those of the batches whose message lies in a queue.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        return queue_order.waiting(self._redis, batch_ids)

    def claimed(self, batch_ids: Iterable[int]) -> set[int]:
        """Return those of the batches that a live worker holds.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        wanted = list(batch_ids)
        keys = [_claim_key(stage, batch) for batch in wanted for stage in STAGES]
        values = self._mget(keys)
        return {batch for index, batch in enumerate(wanted) if values[2 * index] or values[2 * index + 1]}

    def take_crashes(self, batch_ids: Iterable[int]) -> dict[int, int]:
        """Return how often a worker began each batch and never ended it, and start counting from zero.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        wanted = list(batch_ids)
        if not wanted:
            return {}
        keys = [_begun_key(stage, batch) for stage in STAGES for batch in wanted]
        with needing_redis(), self._redis.pipeline() as pipe:
            pipe.mget(keys)
            pipe.delete(*keys)
            values = pipe.execute()[0]
        crashes = [max(0, int(value or 0)) for value in values]
        return {batch: crashes[at] + crashes[at + len(wanted)] for at, batch in enumerate(wanted)}

    def plans_waiting(self, job_ids: Collection[str]) -> set[str]:
        """Return those of the jobs whose planning message lies in the queue.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        return queue_order.plans_waiting(self._redis, job_ids)

    def is_waiting(self, task_id: str) -> bool:
        """Tell whether a message with this task id lies in the queue of reconciliation.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        wanted = re.compile(rb'"id":\s*"' + re.escape(task_id.encode()) + b'"')
        return any(wanted.search(message) for message in self._messages(Queue.RECONCILE.value))

    def require_room(self) -> None:
        """Find out whether messages can be sent.

        Raises:
            StoreFull: Redis takes nothing more.
            StoreUnavailable: it does not answer.
        """
        require_room(self._redis)

    def _messages(self, queue: str) -> list[bytes]:
        with needing_redis():
            return cast(list[bytes], self._redis.lrange(queue, 0, -1))

    def _mget(self, keys: list[str]) -> list[bytes | None]:
        if not keys:
            return []
        with needing_redis():
            return cast(list[bytes | None], self._redis.mget(keys))


def _claiming(key: str, worker: str) -> Command:
    return ("SET", key, worker, "EX", CLAIM_SECONDS)


def _claim_key(stage: Queue, batch_id: int) -> str:
    return f"imagesearch:claim:{stage.value}:{batch_id}"


def _begun_key(stage: Queue, batch_id: int) -> str:
    return f"imagesearch:begun:{stage.value}:{batch_id}"
