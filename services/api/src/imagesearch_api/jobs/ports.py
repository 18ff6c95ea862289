"""What taking, steering and showing jobs needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import Job
from imagesearch.contract import PlanJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.files.roots import Roots
from imagesearch.messaging.progress import ProgressBoard
from imagesearch.wire import Message
from imagesearch.worker.registry import WorkerRegistry

log = structlog.get_logger()

Send = Callable[[TaskName, Message, str | None], None]
"""Publishes a message under a task id; raises `StoreUnavailable`."""


Ask = Callable[[TaskName, Message, float], Any]
"""Publishes a message, waits some seconds, and returns the answer's wire form; raises `StoreUnavailable` or
`QueryTimeout`."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """Bundle the stores of jobs with the way to those who work on them.

    Attributes:
        progress: shows how far jobs are.
        workers: tells who is alive.
        roots: directories under which sources may lie.
    """

    catalog: Catalog
    progress: ProgressBoard
    workers: WorkerRegistry
    send: Send
    roots: Roots

    def announce(self, job: Job) -> None:
        """Show a job's counters and ask for its planning, after its row was committed."""
        try:
            self.progress.publish(job.progress())
            self.send(TaskName.PLAN, PlanJob(job.id), None)
        except StoreUnavailable as error:
            log.warning("job.not_announced", job=job.id, reason=str(error))
