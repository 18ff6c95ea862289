"""Work on a job for a while, then let other jobs have their turn."""

from __future__ import annotations

import time
from collections.abc import Callable

from imagesearch.contract import PlanJob, TaskName
from imagesearch_indexer.composition import Indexer

AMORTIZED = 10.0
"""A time slice lasts at least as many times as long as it took to begin it, so that beginning costs a tenth."""


def work(
    indexer: Indexer, job_id: str, step: Callable[[], bool], *, begun_in: Callable[[], float] = lambda: 0.0
) -> None:
    """Take steps until one says that no other may follow, the time is up or the process stops.

    One step is always taken, so that a job moves on however short its time is. Where more is left to do, a
    planning message asks for the next time slice.

    Args:
        indexer: the settings, and the way to send messages.
        job_id: the job.
        step: does a part of the work; tells whether more may follow at once.
        begun_in: how many seconds of this time slice went by before any of its work was done.

    Raises:
        StoreUnavailable: the message could not be sent; whoever repeats the work sends it.
    """
    began = time.monotonic()
    while step():
        lasts = max(indexer.settings.plan_seconds, AMORTIZED * begun_in())
        if time.monotonic() - began > lasts or indexer.stopping.is_set():
            indexer.send(TaskName.PLAN, PlanJob(job_id))
            return
