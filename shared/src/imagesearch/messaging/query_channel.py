"""Carry queries to an extractor and the answers back: one Redis list for each network, one for each answer.

A query needs little of what Celery does for bulk messages: it is never redelivered, because its sender has given
up by the time its worker is found dead. docs/adr/0008 says what that saves.

Beside the list of a network's queries is one for requests to explain a similarity. Workers take from it what they
find while no query waits.

No clock is compared with that of another host. A sender takes its query out of the list when it stops waiting, so
what a worker finds there is waited for; how long a worker has held it since is told by the worker's own clock.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast, overload
from uuid import uuid4

import msgpack
import redis
import structlog

from imagesearch import tracing
from imagesearch.errors import InvalidMessage, QueryTimeout, StoreUnavailable
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.query_contract import ExplainedCells, ExplainPixels, QueryPixels, QueryVectors
from imagesearch.settings import RedisSettings

log = structlog.get_logger()

MAX_BLOCK_SECONDS = 1.0
"""A worker that waits for queries looks this often whether it has been told to stop."""
UNCLAIMED_SECONDS = 600
"""Queries of an API process that was killed expire after this long without another query; a process that lives
removes its own."""

_MALFORMED = (InvalidMessage, ValueError, KeyError, TypeError, struct.error, msgpack.UnpackException)

_COUNT = struct.Struct(">I")
"""Before each query stands how many pictures it has, so that the server can tell without reading it."""

_TAKE_MORE = """
local pictures, limit, sharers = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local waiting = 1
for _, key in ipairs(KEYS) do waiting = waiting + redis.call('LLEN', key) end
local share, taken = math.ceil(waiting / sharers) - 1, {}
for _, key in ipairs(KEYS) do
  while #taken < share do
    local entry = redis.call('LINDEX', key, 0)
    if not entry then break end
    pictures = pictures + (#entry >= 4 and struct.unpack('>I4', entry) or 1)
    if pictures > limit then return taken end
    taken[#taken + 1] = redis.call('LPOP', key)
  end
end
return taken
"""
"""Take what fits into one pass beside what is at hand, and no more than this worker's share of what waits."""


def queries_key(queue: str) -> str:
    """Return the key of the Redis list behind a queue of queries, see `imagesearch.networks.queue_for`."""
    return f"imagesearch:{queue}"


def explanations_key(queue: str) -> str:
    """Return the key of the Redis list with requests to explain, of the workers that take a queue of queries."""
    return f"imagesearch:explain:{queue}"


@dataclass(frozen=True, slots=True, eq=False)
class QueryRequest:
    """Pair a query, or a request to explain, with the key of the list on which its sender waits for the answer.

    Attributes:
        headers: what its sender says of the trace that it belongs to.
        taken_at: when a worker took it, by the monotonic clock of that worker.
    """

    reply: str
    query: QueryPixels | ExplainPixels
    headers: Mapping[str, object] = field(default_factory=dict)
    taken_at: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Return for how many more seconds the sender may wait at most; negative when nobody waits any more."""
        return self.taken_at + self.query.seconds - time.monotonic()


class QueryChannel:
    """Ask and answer queries through Redis; may be shared by threads."""

    def __init__(self, client: redis.Redis, settings: RedisSettings) -> None:
        self._redis = client
        # Blocking must end before the client takes the server for dead.
        self._block = min(MAX_BLOCK_SECONDS, settings.redis_timeout / 2)
        self._take_more = client.register_script(_TAKE_MORE)

    @overload
    def ask(
        self,
        queue: str,
        query: QueryPixels,
        timeout: float,
        *,
        unanswered: Callable[[], None] | None = None,
    ) -> QueryVectors: ...

    @overload
    def ask(
        self,
        queue: str,
        query: ExplainPixels,
        timeout: float,
        *,
        unanswered: Callable[[], None] | None = None,
    ) -> ExplainedCells: ...

    def ask(
        self,
        queue: str,
        query: QueryPixels | ExplainPixels,
        timeout: float,
        *,
        unanswered: Callable[[], None] | None = None,
    ) -> QueryVectors | ExplainedCells:
        """Send a query, or a request to explain, and wait for its answer.

        Args:
            queue: that of the workers who can answer, see `imagesearch.networks.queue_for`.
            query: the pictures; what is to be explained waits while queries do.
            timeout: seconds to wait.
            unanswered: called once when there is no answer after a moment; what it raises ends the wait.

        Raises:
            QueryTimeout: no worker answered within `timeout` seconds.
            StoreUnavailable: Redis does not answer, or a worker refused: it held the query for longer than
                `timeout`, could not run the network, or speaks another version.
        """
        reply = f"imagesearch:answer:{uuid4().hex}"
        explains = isinstance(query, ExplainPixels)
        key = explanations_key(queue) if explains else queries_key(queue)
        # Whoever does not know what stands beside the query passes over it.
        envelope = {"reply": reply, "query": query.to_wire(), "headers": tracing.headers()}
        entry: bytes = _COUNT.pack(query.count) + msgpack.packb(envelope)
        deadline = time.monotonic() + timeout
        with needing_redis():
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.rpush(key, entry)
                pipe.expire(key, UNCLAIMED_SECONDS)
                # Waiting begins on the same trip to the server.
                pipe.blpop([reply], timeout=self._moment(timeout))
                raw = _value(pipe.execute()[-1])
            try:
                if raw is None and unanswered is not None:
                    unanswered()
                while raw is None and (left := deadline - time.monotonic()) > 0:
                    raw = _value(self._redis.blpop([reply], timeout=self._moment(left)))
            finally:
                if raw is None:
                    self._redis.lrem(key, 1, cast(str, entry))
        if raw is None:
            raise QueryTimeout(f"no worker answered within {timeout:g} seconds")
        try:
            kind: type[QueryVectors | ExplainedCells] = ExplainedCells if explains else QueryVectors
            answer = kind.from_wire(msgpack.unpackb(raw))
        except _MALFORMED as error:
            raise StoreUnavailable("extractor", f"its answer is of another version: {error}") from error
        if answer.refusal is not None:
            raise StoreUnavailable("extractor", answer.refusal)
        return answer

    def take(self, queues: Sequence[str], limit: int, *, sharers: int = 1) -> list[QueryRequest]:
        """Wait a moment for queries and take what one pass can answer, the oldest of each queue first.

        What is left, idle workers may take meanwhile. Where no query waits, one request to explain may come alone.

        Args:
            queues: where to look.
            limit: pictures in a pass; a first query that alone has more is taken all the same.
            sharers: how many workers take from these queues: each takes its share of what waits.

        An entry of another version or shape is dropped: the process that sent it waits in vain until its timeout.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        keys = [queries_key(queue) for queue in queues]
        behind = [explanations_key(queue) for queue in queues]
        with needing_redis():
            # The first list that holds something is taken from.
            found = self._redis.blmpop(self._block, 2 * len(keys), *keys, *behind, direction="LEFT", count=1)
            if not found:
                return []
            name, (first, *_) = cast(tuple[bytes, list[bytes]], found)
            if name.decode() in behind:
                taken = [_parse(first, ExplainPixels)]
            else:
                more = self._take_more(keys=keys, args=[_pictures(first), limit, max(1, sharers)])
                taken = [_parse(entry, QueryPixels) for entry in (first, *cast(list[bytes], more))]
        return [request for request in taken if request is not None]

    def answer(self, request: QueryRequest, answer: QueryVectors | ExplainedCells) -> None:
        """Send the answer to the list of its request; it expires when nobody takes it.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        left = max(1.0, request.left)
        with needing_redis(), self._redis.pipeline(transaction=False) as pipe:
            pipe.rpush(request.reply, msgpack.packb(answer.to_wire()))
            pipe.pexpire(request.reply, round(left * 1000))
            pipe.execute()

    def _moment(self, left: float) -> int:
        # Redis takes fractions, which the types of its client do not know; zero would block for ever.
        return cast(int, max(0.01, min(left, self._block)))


def _value(popped: object) -> bytes | None:
    return cast(tuple[bytes, bytes], popped)[1] if popped is not None else None


def _pictures(entry: bytes) -> int:
    return cast(int, _COUNT.unpack_from(entry)[0]) if len(entry) >= _COUNT.size else 1


def _parse(entry: bytes, kind: type[QueryPixels | ExplainPixels]) -> QueryRequest | None:
    try:
        wire = msgpack.unpackb(entry[_COUNT.size :])
        reply, query = wire["reply"], kind.from_wire(wire["query"])
        headers = dict(wire.get("headers", {}))
    except _MALFORMED as error:
        log.warning("query.dropped", reason=str(error))
        return None
    return QueryRequest(str(reply), query, headers)
