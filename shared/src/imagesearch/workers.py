"""Run a worker that reports, proves that it consumes, and stops cleanly: one of Celery, or a loop of its own."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import structlog
from celery import Celery, signals
from celery.worker import state as worker_state
from kombu import Exchange
from kombu import Queue as KombuQueue
from pydantic import Field

from imagesearch.broker import REDIS_ERRORS
from imagesearch.claims import BatchClaims
from imagesearch.contract import Queue
from imagesearch.errors import StoreUnavailable
from imagesearch.presence import REPORT_EVERY_SECONDS, WorkerBoard, WorkerReport, own_queue
from imagesearch.settings import Settings

log = structlog.get_logger()

PING_TASK = "imagesearch.ping"


class WorkerSettings(Settings):
    """How a worker process behaves."""

    heartbeat_file: Path | None = Field(
        None, description="Touched while the worker proves that it consumes; for liveness probes."
    )
    deaf_seconds: float = Field(
        60.0,
        gt=0,
        description="A worker with a free thread that has taken no message, not even its own ping, for this "
        "long while Redis answers is deaf: it ends itself and is started again.",
    )


def worker_name(role: str) -> str:
    """Return a name for this process that no other process has."""
    return f"{role}@{socket.gethostname()}.{os.getpid()}"


@dataclass
class Pulse:
    """Keep a worker's proof of life: what it holds and when it last took a message.

    Attributes:
        stopping: set when the process was told to stop.
    """

    name: str
    concurrency: int
    stopping: Event = field(default_factory=Event)
    consumed_at: float = field(default_factory=time.time)
    asked_at: float | None = None

    def consumed(self) -> None:
        """Note that a message has just been taken."""
        self.consumed_at = time.time()
        self.asked_at = None

    def is_owed_a_ping(self, busy: int) -> bool:
        """Start the clock of deafness while a thread is free, and stop it while none is."""
        if busy >= self.concurrency:
            self.asked_at = None
        elif self.asked_at is None:
            self.asked_at = time.monotonic()
        return self.asked_at is not None

    @property
    def silence(self) -> float:
        """Return for how many seconds a free thread has taken no message, not even a ping."""
        asked_at = self.asked_at  # tasks clear it from their threads
        return time.monotonic() - asked_at if asked_at is not None else 0.0


def leave_logging_alone() -> None:
    """Keep Celery from setting the root logger to WARNING, which would silence everything at INFO."""
    signals.setup_logging.connect(_nothing, weak=False)


def _nothing(**_: object) -> None:
    """Stand where Celery would set up logging."""


def run_worker(
    app: Celery,
    *,
    pulse: Pulse,
    queues: Sequence[Queue],
    report: Callable[[float], WorkerReport],
    board: WorkerBoard,
    claims: BatchClaims,
    settings: WorkerSettings,
) -> int:
    """Consume until SIGTERM or SIGINT, finish or hand back what is in hand, and return the exit code.

    Args:
        app: with its tasks registered.
        pulse: shared with the tasks, whose waits end when `pulse.stopping` is set.
        queues: what to consume.
        report: builds the report of this worker from the time at which it last consumed.
        board: where reports go.
        claims: renewed as long as the process lives.
        settings: heartbeat file and patience.
    """
    leave_logging_alone()
    app.task(pulse.consumed, name=PING_TASK, ignore_result=True)
    pings = own_queue(pulse.name)
    beat = Beat(
        pulse,
        report,
        board,
        settings,
        claims,
        busy=lambda: len(worker_state.active_requests),
        ping=lambda: app.send_task(PING_TASK, queue=pings, ignore_result=True),
    )

    def on_ready(**_: object) -> None:
        beat.start()

    def on_stopping(**_: object) -> None:
        pulse.stopping.set()

    def on_message(**_: object) -> None:
        pulse.consumed()

    signals.worker_ready.connect(on_ready, weak=False)
    signals.worker_shutting_down.connect(on_stopping, weak=False)
    signals.task_prerun.connect(on_message, weak=False)
    worker = app.Worker(
        hostname=pulse.name,
        pool="threads",
        concurrency=pulse.concurrency,
        queues=[queue.value for queue in queues],
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        quiet=True,
    )
    # The worker's own queue carries nothing but its pings. One BRPOP reads all its queues, so a ping that
    # arrives proves that work would arrive too.
    app.amqp.queues.select_add(KombuQueue(pings, Exchange(pings, delivery_mode=1), routing_key=pings))
    worker.start()
    pulse.stopping.set()
    _sign_off(board, pulse)
    return int(worker.exitcode or 0)


def run_loop(
    loop: Callable[[], None],
    *,
    pulse: Pulse,
    report: Callable[[float], WorkerReport],
    board: WorkerBoard,
    settings: WorkerSettings,
) -> int:
    """Run a loop until SIGTERM or SIGINT, and return the exit code.

    Args:
        loop: returns soon after `pulse.stopping` is set, and notes each time that it has come round: that proves
            that it consumes.
        pulse: shared with the loop.
        report: builds the report of this worker from the time at which it last consumed.
        board: where reports go.
        settings: heartbeat file and patience.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pulse.stopping.set())
    Beat(pulse, report, board, settings).start()
    log.info("worker.ready", name=pulse.name)
    loop()
    _sign_off(board, pulse)
    return 0


def _sign_off(board: WorkerBoard, pulse: Pulse) -> None:
    try:
        board.leave(pulse.name)
    except StoreUnavailable as error:
        log.warning("worker.not_signed_off", reason=str(error))
    log.info("worker.stopped")


def _idle() -> int:
    return 0


def _needs_no_ping() -> None:
    """Stand where a Celery worker sends itself a message."""


@dataclass
class Beat:
    """Report, renew claims and ask for a proof of consumption once every few seconds, on a thread of its own.

    Attributes:
        busy: returns how many of the worker's threads are at work.
        ping: has a free thread take a message.
    """

    pulse: Pulse
    report: Callable[[float], WorkerReport]
    board: WorkerBoard
    settings: WorkerSettings
    claims: BatchClaims | None = None
    busy: Callable[[], int] = _idle
    ping: Callable[[], object] = _needs_no_ping

    def start(self) -> None:
        """Begin; the thread ends with the process."""
        Thread(target=self._run, name="beat", daemon=True).start()

    def once(self) -> None:
        """Do all of it once; ends the process when it is deaf.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        self._renew()
        self.board.report(self.report(self.pulse.consumed_at))
        # Noted first: the ping can come back before the call that sent it returns.
        if self.pulse.is_owed_a_ping(self.busy()):
            # Also while another is on its way: a Redis that forgot that one must not make the worker look deaf.
            self.ping()
        if self.pulse.silence > self.settings.deaf_seconds:
            log.critical("worker.deaf", seconds=round(self.pulse.silence))
            os._exit(70)  # EX_SOFTWARE: only a new process has a fresh consumer
        if self.settings.heartbeat_file:
            self.settings.heartbeat_file.touch()

    def _run(self) -> None:
        while not self.pulse.stopping.is_set():
            try:
                self.once()
            except (StoreUnavailable, *REDIS_ERRORS, OSError) as error:
                # While Redis is away nothing can be consumed: the ping's clock starts anew.
                self.pulse.asked_at = None
                log.warning("worker.beat_missed", reason=str(error) or type(error).__name__)
            self.pulse.stopping.wait(REPORT_EVERY_SECONDS)
        # Claims last until the tasks in hand are done.
        while True:
            try:
                self._renew()
            except StoreUnavailable as error:
                log.warning("worker.beat_missed", reason=str(error))
            time.sleep(REPORT_EVERY_SECONDS)

    def _renew(self) -> None:
        if self.claims is not None:
            self.claims.renew()
