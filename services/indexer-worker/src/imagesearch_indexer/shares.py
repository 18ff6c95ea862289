"""Share out the room for batches that are on their way; nothing here asks a store.

The room is shared by tenants, and a tenant's share by its jobs: whoever has the least on its way is next. So a job
of ten pictures waits for no more than what is on its way already, however many others there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from imagesearch.catalog.jobs.leases import OnTheirWay, Waiting


@dataclass(frozen=True, slots=True)
class Limits:
    """Say how many batches may be on their way.

    Attributes:
        floor: for a queue that few workers read, or none that is known.
        threads: of live workers, by the queue that they read.
        per_thread: of a worker that is live.
        ceiling: for a queue, so that Redis has room for them however many workers there are.
    """

    floor: int
    threads: Counter[str]
    per_thread: int
    ceiling: int

    def of(self, queue: str) -> int:
        """Return how many may be on their way for the workers of a queue."""
        return min(self.ceiling, max(self.floor, self.threads[queue] * self.per_thread))


class Shares:
    """Keep account of what is on its way and what is ready: as they were at one moment, and what was done since.

    Any number of threads may use it.

    Args:
        limits: of what may be on its way.
        sent: what is.
        ready: jobs that have batches to send, in the order in which they come where they have equal rights.
    """

    def __init__(self, limits: Limits, sent: Sequence[OnTheirWay], ready: Sequence[Waiting]) -> None:
        self._limits = limits
        self._ready = {job.job_id: job for job in ready}
        self._in_queue: Counter[str] = Counter()
        self._in_tenant: Counter[tuple[int, str]] = Counter()
        self._in_job: Counter[str] = Counter()
        self._tenants: dict[str, tuple[int, str]] = {}
        self._queues = {job.job_id: job.queue for job in ready if job.queue is not None}
        self._lock = Lock()
        for each in sent:
            self._count(each.queue, each.job_id, each.tenant, each.batches)

    def room(self, queue: str) -> int:
        """Return how many more batches may be sent to a queue."""
        return max(0, self._limits.of(queue) - self._in_queue[queue])

    def next(self) -> Waiting | None:
        """Return the job that sends the next batch; None where none has any that there is room for.

        A job whose queue is not known comes as if there was room: whoever asks finds out, and says so.
        """
        with self._lock:
            rooms = {each: self.room(each) > 0 for each in {*self._queues.values()}}
            able = [job for job in self._ready.values() if rooms.get(self._queues.get(job.job_id, ""), True)]
            return min(able, key=lambda job: (self._in_tenant[job.tenant], self._in_job[job.job_id]), default=None)

    def sends_to(self, job_id: str, queue: str) -> None:
        """Note where the batches of a job go."""
        with self._lock:
            self._queues[job_id] = queue

    def sent(self, job: Waiting, queue: str, batches: int) -> None:
        """Note that batches of a job are on their way; it has gone behind the others that are ready."""
        with self._lock:
            self._count(queue, job.job_id, job.tenant, batches)
            if job.job_id in self._ready:
                self._ready[job.job_id] = self._ready.pop(job.job_id)

    def settled(self, queue: str, job_id: str) -> None:
        """Note that a batch has come back."""
        with self._lock:
            if self._in_job[job_id] > 0:
                self._count(queue, job_id, self._tenants[job_id], -1)

    def exhausted(self, job_id: str) -> None:
        """Note that a job has no more to send, or may not."""
        with self._lock:
            self._ready.pop(job_id, None)

    def in_turn(self, ready: Sequence[Waiting]) -> list[Waiting]:
        """Return jobs so that those which have had their turn last come last, and new ones behind them."""
        with self._lock:
            ranks = {job_id: rank for rank, job_id in enumerate(self._ready)}
        return sorted(ready, key=lambda job: ranks.get(job.job_id, len(ranks)))

    @property
    def is_last(self) -> bool:
        """Tell whether one job alone has batches to send."""
        return len(self._ready) == 1

    def _count(self, queue: str, job_id: str, tenant: tuple[int, str], batches: int) -> None:
        self._in_queue[queue] += batches
        self._in_tenant[tenant] += batches
        self._in_job[job_id] += batches
        self._tenants[job_id] = tenant


@dataclass
class Dispatching:
    """Hold what a process knows of the room for batches, between two looks at the catalogue."""

    shares: Shares | None = None
    looked_at: float = 0.0
    last_number: int = 0
