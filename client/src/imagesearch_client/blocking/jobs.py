# Made of asynchronous/jobs.py by `make client`: change that.
"""The client's methods for jobs: submit, list, follow, control, and see what failed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Self

from imagesearch_client.blocking.calls import Calls
from imagesearch_client.blocking.watching import JobWatch
from imagesearch_client.callbacks import Callback
from imagesearch_client.errors import StillRunning, Unavailable
from imagesearch_client.jobs import Job, JobFailure
from imagesearch_client.patience import Retry
from imagesearch_client.requests import given, job_path, key_header, moment
from imagesearch_client.sources import Source, source_as_json

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 600.0
"""With an API that is away while a job is followed: a job outlasts its restart."""


class JobCalls(Calls):
    """Work with jobs; a part of `Client`."""

    def submit_job(
        self,
        source: Source,
        collection: str = "default",
        *,
        recursive: bool = True,
        partition: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        prune: bool = False,
        callback_url: str | None = None,
        facts: Sequence[str] = (),
        metadata_from_path: str | None = None,
    ) -> JobHandle:
        """Submit a directory, a list of paths or a manifest, as the server sees them, and return the job.

        The key makes repeating safe: a request that is repeated under the same key finds its job again.
        One is made up per call unless it is given. `prune` removes pictures whose files are gone. What lies at
        `callback_url` is told that the job has ended, see `callbacks`.

        `facts` become metadata from the EXIF of pictures: "taken", "camera", "orientation" and "place", as
        `exif.taken` and so on. `metadata_from_path` is a rule such as "{year:int}/{event}/{name}" for paths
        beneath the directory; a field `key` of it gives pictures their own ids. What `metadata` says wins.

        Example:
            >>> job = client.submit_job("/photos", "photos", partition="anna")
            >>> job.state
            'planning'
            >>> job = job.wait()
            >>> job.indexed
            3
        """
        body: dict[str, Any] = {
            "source": source_as_json(source),
            "collection": collection,
            "recursive": recursive,
            "partition": partition,
            "metadata": dict(metadata or {}),
            **given(
                prune=prune or None,
                callback_url=callback_url,
                facts=list(facts) or None,
                metadata_from_path=metadata_from_path,
            ),
        }
        return self._handle(
            self._connection.json(
                "POST", "/api/v2/jobs", Retry.SAFE, json=body, headers=key_header(idempotency_key)
            )
        )

    def jobs(
        self,
        *,
        states: Sequence[str] | None = None,
        collection: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Iterator[JobHandle]:
        """Iterate over the jobs, or those in some states, of a collection and submitted in a time; newest first.

        Times without a zone are of this machine's.

        Example:
            >>> for job in client.jobs(states=["running", "completed_with_failures"]):
            ...     print(job.id, job.state, f"{job.done} of {job.total}")
            17 completed_with_failures 4 of 4
        """
        params = given(
            state=",".join(states) if states else None,
            collection=collection,
            created_after=moment(created_after),
            created_before=moment(created_before),
        )
        return self._pages("/api/v2/jobs", self._handle, params)

    def job(self, job_id: str, *, wait: int | None = None) -> JobHandle:
        """Return a job as it stands now; or when it has ended, or after `wait` seconds, which are 60 at most.

        The API lets so many callers wait and no more: beyond them it is Busy, and one asks without waiting.
        """
        options: dict[str, Any] = {}
        if wait is not None:
            options = {"params": {"wait": str(wait)}, "timeout": self._connection.timeout + wait}
        return self._handle(self._connection.json("GET", job_path(job_id), Retry.SAFE, **options))

    def events(
        self,
        job_id: str,
        *,
        poll_seconds: float = POLL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        on_unavailable: Callable[[Unavailable, float], None] | None = None,
    ) -> Generator[JobHandle, None]:
        """Yield a job as it stands, and each time that it has moved, until it has ended.

        The API sends these events by itself. To callers beyond so many it does not: then it is asked every
        `poll_seconds`. For the rest see `wait`.

        Example:
            >>> for job in client.events("17"):
            ...     print(job.state, job.indexed)
            completed_with_failures 3
        """
        seen: Job | None = None
        watch = self._watch(job_id, poll_seconds, patience_seconds, on_unavailable)
        with closing(watch.looks()) as looks:
            for job in looks:
                if job != seen:
                    seen = job
                    yield JobHandle.of(job, self)

    def wait(
        self,
        job_id: str,
        progress: Callable[[Job], None] | None = None,
        *,
        timeout: float | None = None,
        poll_seconds: float = POLL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        on_unavailable: Callable[[Unavailable, float], None] | None = None,
    ) -> JobHandle:
        """Return a job once it has ended, however it ended.

        Args:
            job_id: of the job.
            progress: told the job as it stands at every look.
            timeout: seconds after which to give up; None waits without end, also for a paused job.
            poll_seconds: between two looks, where the API does not tell by itself.
            patience_seconds: for how long at a time the API may be away.
            on_unavailable: told the reason and the seconds of every pause while it is away.

        Raises:
            StillRunning: the time is up; the job goes on.

        Example:
            >>> ended = client.wait("17", progress=lambda job: print(f"{job.done} of {job.total}"))
            4 of 4
            >>> ended.failed
            1
        """
        clock = self._connection.patience.clock
        deadline = None if timeout is None else clock() + timeout
        patience = patience_seconds if timeout is None else min(patience_seconds, timeout)
        watch = self._watch(job_id, poll_seconds, patience, on_unavailable, listens=timeout is None)
        with closing(watch.looks()) as looks:
            while True:
                job = next(looks)
                if progress is not None:
                    progress(job)
                if job.ended:
                    return JobHandle.of(job, self)
                if deadline is not None and clock() >= deadline:
                    raise StillRunning(f"job {job_id} has not ended after {timeout:g} s: it is {job.state}")

    def failures(self, job_id: str) -> Iterator[JobFailure]:
        """Iterate over the paths that a job could not index, page by page.

        Example:
            >>> for failure in client.failures("17"):
            ...     print(failure.path, failure.code)
            /photos/broken.jpg truncated
        """
        return self._pages(f"{job_path(job_id)}/failures", JobFailure.parse)

    def callbacks(self, job_id: str) -> Iterator[Callback]:
        """Iterate over who was to be told of the ends of a job, with each attempt, page by page."""
        return self._pages(f"{job_path(job_id)}/callbacks", Callback.parse)

    def cancel(self, job_id: str) -> JobHandle:
        """Stop a job within a batch; what is indexed stays."""
        return self._control(job_id, "cancel", Retry.SAFE)

    def pause(self, job_id: str) -> JobHandle:
        """Let a job finish its batches in hand and then rest."""
        return self._control(job_id, "pause", Retry.SAFE)

    def resume(self, job_id: str) -> JobHandle:
        """Let a paused job go on."""
        return self._control(job_id, "resume", Retry.SAFE)

    def retry(self, job_id: str) -> JobHandle:
        """Submit the failed paths of an ended job again, within the same job."""
        # Once only: the second try after a lost answer would be refused because the first one worked.
        return self._control(job_id, "retry", Retry.NEVER)

    def _control(self, job_id: str, verb: str, retry: Retry) -> JobHandle:
        return self._handle(self._connection.json("POST", f"{job_path(job_id)}/{verb}", retry))

    def _watch(
        self,
        job_id: str,
        poll_seconds: float,
        patience_seconds: float,
        on_unavailable: Callable[[Unavailable, float], None] | None,
        *,
        listens: bool = True,
    ) -> JobWatch:
        patience = replace(self._connection.patience, seconds=patience_seconds, on_pause=on_unavailable)
        return JobWatch(self._connection, job_id, patience, poll_seconds=poll_seconds, listens=listens)

    def _handle(self, value: object) -> JobHandle:
        return JobHandle.of(Job.parse(value), self)


class JobHandle(Job):
    """A job as it stood when the API answered, which can be waited for and controlled."""

    __slots__ = ("_calls",)
    _calls: JobCalls

    @classmethod
    def of(cls, job: Job, calls: JobCalls) -> Self:
        """Return a job with the calls that follow it."""
        handle = cls(**{each.name: getattr(job, each.name) for each in fields(job)})
        object.__setattr__(handle, "_calls", calls)
        return handle

    def wait(
        self,
        progress: Callable[[Job], None] | None = None,
        *,
        timeout: float | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> JobHandle:
        """Return the job once it has ended; see `Client.wait`."""
        return self._calls.wait(self.id, progress, timeout=timeout, poll_seconds=poll_seconds)

    def events(self, *, poll_seconds: float = POLL_SECONDS) -> Generator[JobHandle, None]:
        """Yield the job each time that it has moved, until it has ended."""
        return self._calls.events(self.id, poll_seconds=poll_seconds)

    def refresh(self) -> JobHandle:
        """Return the job as it stands now."""
        return self._calls.job(self.id)

    def cancel(self) -> JobHandle:
        """Stop the job within a batch; what is indexed stays."""
        return self._calls.cancel(self.id)

    def pause(self) -> JobHandle:
        """Let the job finish its batches in hand and then rest."""
        return self._calls.pause(self.id)

    def resume(self) -> JobHandle:
        """Let the job go on after a pause."""
        return self._calls.resume(self.id)

    def retry(self) -> JobHandle:
        """Submit the failed paths of the ended job again, within the same job."""
        return self._calls.retry(self.id)

    def failures(self) -> Iterator[JobFailure]:
        """Iterate over the paths that the job could not index."""
        return self._calls.failures(self.id)

    def callbacks(self) -> Iterator[Callback]:
        """Iterate over who was to be told that the job has ended, with each attempt."""
        return self._calls.callbacks(self.id)
