"""Wait for a job's end, and watch how it goes on: bounded in time, with no connection held in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import structlog

from imagesearch.access.tenants import Owner
from imagesearch.errors import NotFound, StoreUnavailable
from imagesearch.job_progress import JobProgress
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.jobs.progress import follow

log = structlog.get_logger()

POLL_SECONDS = 1.0
"""Between two looks: each is one short read, and indexers report about once a second."""
KEEP_ALIVE_SECONDS = 10.0
"""How long nothing is sent to somebody who watches; then it is found out whether anybody does."""

Pause = Callable[[float], bool]
"""Waits some seconds, and tells whether this process is about to stop."""


def wait_for_end(
    ports: Jobs,
    job_id: str,
    owner: Owner,
    *,
    seconds: float,
    pause: Pause,
    clock: Callable[[], float] = time.monotonic,
) -> JobProgress:
    """Return a job when it has ended, or as it stands after some seconds, or when this process is about to stop.

    Raises:
        NotFound: there is no such job within the owner's reach, or not any more.
        StoreUnavailable: neither store answers.
    """
    deadline = clock() + seconds
    while True:
        job = follow(ports, job_id, owner)
        left = deadline - clock()
        if job.ended or left <= 0 or pause(min(POLL_SECONDS, left)):
            return job


def watch(
    ports: Jobs,
    first: JobProgress,
    owner: Owner,
    *,
    seconds: float,
    pause: Pause,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[JobProgress | None]:
    """Yield a job each time that it has moved, and None where it has not for some time.

    The last one has ended, unless the time is up, the process is about to stop, or the job is out of reach.

    Args:
        first: the job as it was read a moment ago; it is yielded first.
    """
    deadline = clock() + seconds
    seen, said_at = first, clock()
    yield first
    while not seen.ended and clock() < deadline and not pause(POLL_SECONDS):
        try:
            job = follow(ports, first.job_id, owner)
        except NotFound:
            return
        except StoreUnavailable as error:
            # It may be there again before the time is up.
            log.warning("job.not_watched", job=first.job_id, reason=str(error))
            job = seen
        if job.revision != seen.revision:
            seen, said_at = job, clock()
            yield job
        elif clock() - said_at >= KEEP_ALIVE_SECONDS:
            said_at = clock()
            yield None
