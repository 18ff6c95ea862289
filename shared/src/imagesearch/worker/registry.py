"""Tell through Redis which workers are alive; a worker that Redis forgets reports again in seconds."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import redis
import structlog

from imagesearch.errors import InvalidMessage, StoreUnavailable
from imagesearch.messaging.redis_clock import redis_now, redis_seconds
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.messaging.small_writes import Command, write_small
from imagesearch.wire import Message
from imagesearch.worker.facts import WorkerFacts

log = structlog.get_logger()

M = TypeVar("M", bound=Message)

WORKERS_KEY = "imagesearch:workers"
FACTS_KEY = "imagesearch:worker_facts"
"""A hash of its own: the release before does not count a worker whose report has a field that it does not know."""
SCHEDULER_ROLE = "scheduler"
REPORT_EVERY_SECONDS = 3.0
REPORT_VALID_SECONDS = 15.0
"""A worker that has not reported for five periods is gone."""


@dataclass(frozen=True, slots=True)
class WorkerReport(Message):
    """Describe a live worker; the times are those of Redis, and the registry fills them in.

    Attributes:
        name: unique name of the process.
        queues: what it consumes.
        version: of the product.
        model: identity of its network; None for a worker without one. It names the network and its dimension.
        side: height and width in pixels of the network's input where a collection does not say otherwise; 0 for a
            worker without a network.
        weights: the ``WEIGHTS`` setting that it runs with.
        untrained: the weights are random, good for trials only.
        concurrency: how many messages it works on at once.
        seen_at: when it last reported, seconds since the epoch.
        consumed_at: when it last took a message, seconds since the epoch: proof that it consumes, where a
            mere connection would prove nothing.
    """

    name: str
    queues: tuple[str, ...]
    version: str
    model: str | None
    weights: str | None
    untrained: bool
    concurrency: int = 1
    side: int = 0
    seen_at: float = 0.0
    consumed_at: float = 0.0


class WorkerRegistry:
    """Register the workers that are alive: one Redis hash, one field a worker."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def report(self, report: WorkerReport, *, consumed_ago: float, facts: WorkerFacts | None = None) -> None:
        """Show a worker as alive for the next seconds.

        Args:
            report: of the worker.
            consumed_ago: seconds since it last took a message.
            facts: what it stands on.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with needing_redis():
            now = redis_now(self._redis)
            seen = replace(report, seen_at=now, consumed_at=now - consumed_ago)
            commands: list[Command] = []
            if facts is not None:
                known = replace(facts, clock_ahead=time.time() - now)
                commands.append(("HSET", FACTS_KEY, report.name, json.dumps(known.to_wire())))
            commands.append(("HSET", WORKERS_KEY, report.name, json.dumps(seen.to_wire())))
            write_small(self._redis, commands)

    def leave(self, *names: str) -> None:
        """Take workers out of the registry, and what is left of their own queues out of Redis.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        queues = [own_queue(name) for name in names]
        with needing_redis():
            self._redis.hdel(WORKERS_KEY, *names)
            self._redis.hdel(FACTS_KEY, *names)
            self._redis.delete(*queues, *(f"_kombu.binding.{queue}" for queue in queues))

    def alive(self) -> list[WorkerReport]:
        """Return the workers that reported lately, and forget the others.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with needing_redis(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(WORKERS_KEY)
            pipe.time()
            entries, told = cast(tuple[dict[bytes, bytes], object], pipe.execute())
        now = redis_seconds(told)
        reports: list[WorkerReport] = []
        gone: list[str] = []
        for name, raw in entries.items():
            report = _parse(WorkerReport, raw)
            if report is None or now - report.seen_at > REPORT_VALID_SECONDS:
                gone.append(name.decode())
            else:
                reports.append(report)
        if gone:
            self.leave(*gone)
        return sorted(reports, key=lambda report: report.name)

    def facts(self) -> dict[str, WorkerFacts]:
        """Return what workers stand on, by their names; also of some that are gone.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with needing_redis():
            entries = cast(dict[bytes, bytes], self._redis.hgetall(FACTS_KEY))
        found = {name.decode(): _parse(WorkerFacts, raw) for name, raw in entries.items()}
        return {name: facts for name, facts in found.items() if facts is not None}


@dataclass
class Sharers:
    """Count the workers of one queue, looking anew when the last look is older than a report."""

    registry: WorkerRegistry
    queue: str
    _looked_at: float = float("-inf")
    _count: int = 1

    def count(self) -> int:
        """Return how many workers took from the queue a moment ago; 1 also while Redis does not answer."""
        if time.monotonic() - self._looked_at > REPORT_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            try:
                self._count = sum(self.queue in worker.queues for worker in self.registry.alive())
            except StoreUnavailable:
                self._count = 1
        return max(1, self._count)


def own_queue(worker: str) -> str:
    """Return the name of the queue that carries nothing but one worker's pings."""
    return f"worker.{worker}"


def _parse(kind: type[M], raw: bytes) -> M | None:
    try:
        return kind.from_wire(json.loads(raw))
    except (InvalidMessage, ValueError):
        return None
