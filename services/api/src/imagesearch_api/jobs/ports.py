"""What taking, steering and showing jobs needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import Job
from imagesearch.contract import PlanJob, TaskName
from imagesearch.errors import StoreUnavailable, UrlRefused
from imagesearch.files.roots import Roots
from imagesearch.messaging.progress import ProgressBoard
from imagesearch.outgoing.urls import checked_url
from imagesearch.wire import Message
from imagesearch.worker.registry import WorkerRegistry
from imagesearch_api.errors import CallbackRejected

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
        callback_hosts: who may be told of the end of jobs.
    """

    catalog: Catalog
    progress: ProgressBoard
    workers: WorkerRegistry
    send: Send
    roots: Roots
    callback_hosts: tuple[str, ...] = ()

    def check_callback(self, url: str | None) -> None:
        """Check that somebody may be called back at a URL; None calls nobody.

        Raises:
            CallbackRejected: nobody may.
        """
        if url is None:
            return
        if not self.callback_hosts:
            raise CallbackRejected("nobody is called back: CALLBACK_HOSTS names no host")
        try:
            checked_url(url, self.callback_hosts, setting="CALLBACK_HOSTS")
        except UrlRefused as error:
            raise CallbackRejected(error.rule) from error

    def announce(self, job: Job) -> None:
        """Show a job's counters and ask for its planning, after its row was committed."""
        try:
            self.progress.publish(job.progress())
            self.send(TaskName.PLAN, PlanJob(job.id), None)
        except StoreUnavailable as error:
            log.warning("job.not_announced", job=job.id, reason=str(error))
