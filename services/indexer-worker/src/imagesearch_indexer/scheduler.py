"""Ask for reconciliation at regular times, with Celery beat. Exactly one process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import structlog
from celery.beat import ScheduleEntry, Scheduler

import imagesearch
from imagesearch.contract import Reconcile, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.broker import close_celery, create_celery, create_redis
from imagesearch.messaging.claims import InFlight
from imagesearch.settings import RedisSettings
from imagesearch.telemetry import TelemetrySettings, configure, log_settings
from imagesearch.worker.heartbeat import WorkerSettings
from imagesearch.worker.registry import REPORT_EVERY_SECONDS, SCHEDULER_ROLE, WorkerRegistry, WorkerReport
from imagesearch.worker.run import leave_logging_alone, worker_name
from imagesearch_indexer.settings import IndexerSettings

log = structlog.get_logger()


def scheduler_of(
    in_flight: InFlight, heartbeat_file: Path | None = None, sign_on: Callable[[], None] | None = None
) -> type[Scheduler]:
    """Return a scheduler that asks for nothing that still waits in the queue.

    What was not done by the time of the next one is not worth doing twice. Celery's own means against that, a date
    after which a message is dropped, is compared with the clock of the worker, which may be another.

    Args:
        in_flight: tells what waits.
        heartbeat_file: touched each time that the scheduler looks what is due.
        sign_on: called each time as well.
    """

    class AskingOnce(Scheduler):  # type: ignore[misc]  # Celery has no types
        def tick(self, *args: Any, **kwargs: Any) -> Any:
            if heartbeat_file:
                heartbeat_file.touch()
            if sign_on:
                sign_on()
            return super().tick(*args, **kwargs)

        def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
            try:
                waits = in_flight.is_waiting(entry.options["task_id"])
                # Celery would log its stack each time that a full Redis takes no message.
                in_flight.require_room()
            except StoreUnavailable as error:
                log.warning("schedule.put_off", entry=entry.name, reason=str(error))
                return
            if not waits:
                super().apply_entry(entry, producer=producer)

    return AskingOnce


class Registration:
    """Keep this scheduler in the registry of workers, where it is counted: there has to be exactly one."""

    def __init__(self, registry: WorkerRegistry) -> None:
        self._registry = registry
        self._report = WorkerReport(
            name=worker_name(SCHEDULER_ROLE),
            queues=(),
            version=imagesearch.__version__,
            model=None,
            weights=None,
            untrained=False,
        )
        self._renewed_at = -REPORT_EVERY_SECONDS

    def renew(self) -> None:
        """Report, if the last report was long enough ago; without Redis there is nothing to schedule anyway."""
        if time.monotonic() - self._renewed_at < REPORT_EVERY_SECONDS:
            return
        self._renewed_at = time.monotonic()
        with suppress(StoreUnavailable):
            self._registry.report(self._report, consumed_ago=0)


def run() -> int:
    """Run the scheduler until it is told to stop; return its exit code."""
    redis, settings, worker = RedisSettings(), IndexerSettings(), WorkerSettings()
    page = configure("scheduler", TelemetrySettings())
    log_settings(redis, settings, worker)
    leave_logging_alone()
    app = create_celery(redis)
    app.conf.beat_schedule = {
        name: every(seconds, name, deep=deep)
        for name, seconds, deep in (
            ("reconcile", settings.reconcile_seconds, False),
            ("sweep", settings.sweep_seconds, True),
        )
    }
    # Nothing but two periods is scheduled: there is no state worth keeping on a disk, where a kill could
    # leave it broken.
    try:
        with closing(create_redis(redis)) as client:
            signing = Registration(WorkerRegistry(client))
            scheduler = scheduler_of(InFlight(client), worker.heartbeat_file, signing.renew)
            app.Beat(scheduler_cls=scheduler, quiet=True, max_interval=1).run()
    finally:
        close_celery(app)
        page.close()
    return 0


def every(seconds: float, name: str, *, deep: bool) -> dict[str, object]:
    """Return the entry of a schedule that asks for reconciliation regularly, and waits for no answer.

    Args:
        seconds: between two of them.
        name: the task id, by which a message is known again in the queue.
        deep: see `Reconcile`.
    """
    message = Reconcile(dry_run=False, deep=deep)
    options = {"task_id": f"scheduled-{name}", "ignore_result": True}
    return {"task": str(TaskName.RECONCILE), "schedule": seconds, "args": (message.to_wire(),), "options": options}
