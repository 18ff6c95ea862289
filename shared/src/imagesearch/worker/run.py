"""Run a worker that reports, proves that it consumes, and stops cleanly: one of Celery, or a loop of its own."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog
from celery import Celery, signals
from celery.worker import state as worker_state
from kombu import Exchange
from kombu import Queue as KombuQueue

from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.claims import BatchClaims
from imagesearch.worker.facts import WorkerFacts
from imagesearch.worker.heartbeat import Heartbeat, Liveness, WorkerSettings
from imagesearch.worker.queue_places import QueuePlaces
from imagesearch.worker.registry import WorkerRegistry, WorkerReport, own_queue

log = structlog.get_logger()

PING_TASK = "imagesearch.ping"


def worker_name(role: str) -> str:
    """Return a name for this process that no other process has."""
    return f"{role}@{socket.gethostname()}.{os.getpid()}"


def leave_logging_alone() -> None:
    """Keep Celery from setting the root logger to WARNING, which would silence everything at INFO."""
    signals.setup_logging.connect(_nothing, weak=False)


def _nothing(**_: object) -> None:
    """Do nothing in place of Celery's own set-up of logging."""


def run_worker(
    app: Celery,
    *,
    liveness: Liveness,
    queues: Sequence[str],
    report: WorkerReport,
    registry: WorkerRegistry,
    claims: BatchClaims,
    settings: WorkerSettings,
    facts: WorkerFacts,
    limits: Mapping[str, int] | None = None,
) -> int:
    """Consume until SIGTERM or SIGINT, finish or hand back what is in hand, and return the exit code.

    Args:
        app: with its tasks registered.
        liveness: shared with the tasks, whose waits end when `liveness.stopping` is set.
        queues: what to consume.
        report: what this worker says of itself.
        registry: where reports go.
        claims: renewed as long as the process lives.
        settings: heartbeat file and how long a worker may be unresponsive.
        facts: what this worker stands on.
        limits: how many messages of a queue are in hand at once; no entry is as many as there are threads.
    """
    if limits:
        app.conf.broker_transport_options["queue_order_strategy"] = partial(QueuePlaces, limits)
    leave_logging_alone()
    app.task(liveness.consumed, name=PING_TASK, ignore_result=True)
    pings = own_queue(liveness.name)
    heartbeat = Heartbeat(
        liveness,
        report,
        registry,
        settings,
        claims,
        facts,
        busy=lambda: len(worker_state.active_requests),
        ping=lambda: app.send_task(PING_TASK, queue=pings, ignore_result=True),
    )

    def on_ready(**_: object) -> None:
        heartbeat.start()

    def on_stopping(**_: object) -> None:
        liveness.stopping.set()

    def on_message(**_: object) -> None:
        liveness.consumed()

    signals.worker_ready.connect(on_ready, weak=False)
    signals.worker_shutting_down.connect(on_stopping, weak=False)
    signals.task_prerun.connect(on_message, weak=False)
    worker = app.Worker(
        hostname=liveness.name,
        pool="threads",
        concurrency=liveness.concurrency,
        queues=list(queues),
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        quiet=True,
    )
    # The worker's own queue carries nothing but its pings. One BRPOP reads all its queues, so a ping that
    # arrives proves that work would arrive too.
    app.amqp.queues.select_add(KombuQueue(pings, Exchange(pings, delivery_mode=1), routing_key=pings))
    try:
        worker.start()
    finally:
        heartbeat.close()
    _sign_off(registry, liveness)
    return int(worker.exitcode or 0)


def run_loop(
    loop: Callable[[], None],
    *,
    liveness: Liveness,
    report: WorkerReport,
    registry: WorkerRegistry,
    settings: WorkerSettings,
    facts: WorkerFacts,
) -> int:
    """Run a loop until SIGTERM or SIGINT, and return the exit code.

    Args:
        loop: returns soon after `liveness.stopping` is set, and calls `liveness.consumed` in each round, which
            proves that it consumes.
        liveness: shared with the loop.
        report: what this worker says of itself.
        registry: where reports go.
        settings: heartbeat file and how long a worker may be unresponsive.
        facts: what this worker stands on.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: liveness.stopping.set())
    heartbeat = Heartbeat(liveness, report, registry, settings, facts=facts)
    heartbeat.start()
    log.info("worker.ready", name=liveness.name)
    try:
        loop()
    finally:
        heartbeat.close()
    _sign_off(registry, liveness)
    return 0


def _sign_off(registry: WorkerRegistry, liveness: Liveness) -> None:
    try:
        registry.leave(liveness.name)
    except StoreUnavailable as error:
        log.warning("worker.not_signed_off", reason=str(error))
    log.info("worker.stopped")
