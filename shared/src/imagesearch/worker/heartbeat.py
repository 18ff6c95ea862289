"""Show by a heartbeat that a worker lives and consumes, and end one that is unresponsive."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

import structlog
from pydantic import Field

from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.claims import BatchClaims
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.settings import Settings
from imagesearch.store_failures import refused_lately
from imagesearch.worker.facts import WorkerFacts
from imagesearch.worker.registry import REPORT_EVERY_SECONDS, WorkerRegistry, WorkerReport

log = structlog.get_logger()

SETTLED_SECONDS = 3 * REPORT_EVERY_SECONDS
"""By then every worker has reported twice, and what it does between two reports has taken as long as one."""


class WorkerSettings(Settings):
    """How a worker process behaves."""

    heartbeat_file: Path | None = Field(
        None,
        description="Touched while the process proves that it works, or waits for Redis; "
        "`python -m imagesearch.worker.alive` looks at it, for liveness probes.",
    )
    deaf_seconds: float = Field(
        60.0,
        gt=0,
        description="A worker with a free thread that has taken no message, not even its own ping, for this "
        "long while Redis answers is unresponsive: it ends itself and is started again.",
    )


@dataclass
class Liveness:
    """Keep a worker's proof of life: what it holds and when it last took a message.

    Attributes:
        stopping: set when the process was told to stop.
        missed_at: when a heartbeat last did not reach Redis, by the monotonic clock.
    """

    name: str
    concurrency: int
    stopping: Event = field(default_factory=Event)
    missed_at: float = float("-inf")
    consumed_at: float = field(default_factory=time.monotonic)
    asked_at: float | None = None

    def consumed(self) -> None:
        """Note that a message has just been taken."""
        self.consumed_at = time.monotonic()
        self.asked_at = None

    def is_owed_a_ping(self, busy: int) -> bool:
        """Start the clock of unresponsiveness while a thread is free, and stop it while none is."""
        if busy >= self.concurrency:
            self.asked_at = None
        elif self.asked_at is None:
            self.asked_at = time.monotonic()
        return self.asked_at is not None

    @property
    def consumed_ago(self) -> float:
        """Return for how many seconds no message has been taken."""
        return time.monotonic() - self.consumed_at

    @property
    def has_settled(self) -> bool:
        """Tell whether Redis has taken heartbeats long enough for live workers to claim their batches again."""
        return time.monotonic() - self.missed_at > SETTLED_SECONDS

    @property
    def silence(self) -> float:
        """Return for how many seconds a free thread has taken no message, not even a ping."""
        asked_at = self.asked_at  # tasks clear it from their threads
        return time.monotonic() - asked_at if asked_at is not None else 0.0


def _idle() -> int:
    return 0


def _needs_no_ping() -> None:
    """Send nothing: a loop of its own notes each round by itself."""


@dataclass
class Heartbeat:
    """Report, renew claims and ask for a proof of consumption once every few seconds, on a thread of its own.

    Attributes:
        facts: what the worker stands on.
        busy: returns how many of the worker's threads are at work.
        ping: has a free thread take a message.
    """

    liveness: Liveness
    report: WorkerReport
    registry: WorkerRegistry
    settings: WorkerSettings
    claims: BatchClaims | None = None
    facts: WorkerFacts | None = None
    busy: Callable[[], int] = _idle
    ping: Callable[[], object] = _needs_no_ping
    _ended: Event = field(default_factory=Event, init=False)
    _thread: Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin."""
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop renewing claims, and wait until the thread has ended; for when no task is in hand any more."""
        self.liveness.stopping.set()
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def once(self) -> None:
        """Do all of it once; ends the process when it is unresponsive.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        if self.claims is not None:
            self.claims.renew()
        facts = self.facts and replace(self.facts, refused=refused_lately())
        self.registry.report(self.report, consumed_ago=self.liveness.consumed_ago, facts=facts)
        # Noted first: the ping can come back before the call that sent it returns.
        if self.liveness.is_owed_a_ping(self.busy()):
            # A ping is sent even while another is on its way: Redis may have forgotten that one, and the worker
            # must not seem unresponsive for it.
            with needing_redis():
                self.ping()
        if self.liveness.silence > self.settings.deaf_seconds:
            log.critical("worker.unresponsive", seconds=round(self.liveness.silence))
            os._exit(70)  # EX_SOFTWARE: only a new process has a fresh consumer
        self._touch()

    def _touch(self) -> None:
        if self.settings.heartbeat_file:
            self.settings.heartbeat_file.touch()

    def _run(self) -> None:
        while not self.liveness.stopping.is_set():
            self._try(self.once)
            self.liveness.stopping.wait(REPORT_EVERY_SECONDS)
        # Claims last until the tasks in hand are done.
        while self.claims is not None and not self._ended.is_set():
            self._try(self.claims.renew)
            self._ended.wait(REPORT_EVERY_SECONDS)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except StoreUnavailable as error:
            log.warning("worker.heartbeat_missed", reason=str(error))
            # A restart brings no Redis back: it would only cost the network that is warm.
            self._touch()
        except OSError as error:
            log.warning("worker.heartbeat_missed", reason=str(error) or type(error).__name__)
        except Exception:
            # A worker without a heartbeat would lose its claims and its place in the registry for as long as it
            # runs. One that misses every heartbeat is noticed: it leaves the registry, and its heartbeat file
            # grows old.
            log.exception("worker.heartbeat_failed")
        else:
            return
        self.liveness.missed_at = time.monotonic()
        # While Redis is away nothing can be consumed: the ping's clock starts anew.
        self.liveness.asked_at = None
