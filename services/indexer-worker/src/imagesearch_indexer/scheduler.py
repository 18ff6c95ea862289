"""Ask for reconciliation at regular times, with Celery beat. Exactly one process does."""

from __future__ import annotations

from celery.beat import Scheduler

from imagesearch.contract import Reconcile, TaskName
from imagesearch.messaging.broker import close_celery, create_celery
from imagesearch.settings import RedisSettings
from imagesearch.telemetry import TelemetrySettings, configure, log_settings
from imagesearch.worker.run import leave_logging_alone
from imagesearch_indexer.settings import IndexerSettings


def run() -> int:
    """Run the scheduler until it is told to stop; return its exit code."""
    redis, settings = RedisSettings(), IndexerSettings()
    page = configure("scheduler", TelemetrySettings())
    log_settings(redis, settings)
    leave_logging_alone()
    app = create_celery(redis)
    app.conf.beat_schedule = {
        "reconcile": _every(settings.reconcile_seconds, deep=False),
        "sweep": _every(settings.sweep_seconds, deep=True),
    }
    # Nothing but two periods is scheduled: there is no state worth keeping on a disk, where a kill could
    # leave it broken.
    try:
        app.Beat(scheduler_cls=Scheduler, quiet=True, max_interval=1).run()
    finally:
        close_celery(app)
        page.close()
    return 0


def _every(seconds: float, *, deep: bool) -> dict[str, object]:
    message = Reconcile(dry_run=False, deep=deep)
    # What was not taken by the time of the next one is not worth doing twice. Nobody waits for the answer.
    options = {"expires": seconds, "ignore_result": True}
    return {"task": str(TaskName.RECONCILE), "schedule": seconds, "args": (message.to_wire(),), "options": options}
