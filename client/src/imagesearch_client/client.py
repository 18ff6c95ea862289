"""The client: one method per thing that the API does."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from imagesearch_client.answers import Collection
from imagesearch_client.callbacks import Callback
from imagesearch_client.calls import collection_path, segment
from imagesearch_client.collections import CollectionCalls
from imagesearch_client.connection import Connection, Patience, Retry
from imagesearch_client.errors import ClientError, Unavailable
from imagesearch_client.jobs import Job, JobFailure
from imagesearch_client.keys import KeyCalls
from imagesearch_client.pictures import Pictures
from imagesearch_client.quotas import QuotaCalls
from imagesearch_client.searching import Searching
from imagesearch_client.system import Info, Reconciliation, Report

DOCTOR_TIMEOUT = 60.0
"""Seconds: each store that is away takes some."""
RECONCILE_TIMEOUT = 600.0
"""Seconds: reconcile reads the whole catalogue before it answers."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Name a file on the server that lists pictures, each with its own partition and metadata.

    JSON lines or CSV with ``path``, ``partition`` and ``metadata``; relative paths begin at its directory.
    """

    path: str


class Client(Searching, Pictures, CollectionCalls, KeyCalls, QuotaCalls):
    """Speak to one image search API; close it, or use it in a ``with`` block.

    Every method may raise ApiError (the API refused), Unavailable (it cannot be reached or cannot work
    now) and ProtocolError (what answers is not this API). Requests that can be repeated without harm (reading,
    submitting, cancelling, pausing, resuming) are repeated while `patience` lasts; those that
    could act twice are sent once. An `api_key` goes to `base_url` in a header with each request, and nowhere else.
    """

    def __init__(
        self,
        base_url: str,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        *,
        patience: Patience | None = None,
        api_key: str | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._timeout = timeout
        self._connection = Connection(base_url, timeout, self._patience, transport, api_key=api_key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the API."""
        self._connection.close()

    def submit_job(
        self,
        source: str | Sequence[str] | Manifest,
        collection: str = "default",
        *,
        recursive: bool = True,
        partition: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        prune: bool = False,
        callback_url: str | None = None,
    ) -> Job:
        """Submit a directory, a list of paths or a manifest, as the server sees them, and return the job.

        The key makes repeating safe: a request that is repeated under the same key finds its job again.
        One is made up per call unless it is given. `prune` removes pictures whose files are gone. What lies at
        `callback_url` is told that the job has ended, see `callbacks`.
        """
        body: dict[str, Any] = {
            "source": _source(source),
            "collection": collection,
            "recursive": recursive,
            "partition": partition,
            "metadata": dict(metadata or {}),
        }
        if prune:
            body["prune"] = True
        if callback_url is not None:
            body["callback_url"] = callback_url
        key = idempotency_key or str(uuid.uuid4())
        return Job.parse(
            self._connection.json("POST", "/api/v2/jobs", Retry.SAFE, json=body, headers={"Idempotency-Key": key})
        )

    def jobs(
        self,
        *,
        states: Sequence[str] | None = None,
        collection: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Iterator[Job]:
        """Iterate over the jobs, or those in some states, of a collection and submitted in a time; newest first.

        Times without a zone are of this machine's.
        """
        asked = {
            "state": ",".join(states) if states else None,
            "collection": collection,
            "created_after": _moment(created_after),
            "created_before": _moment(created_before),
        }
        params = {name: value for name, value in asked.items() if value is not None}
        return self._pages("/api/v2/jobs", Job.parse, params or None)

    def job(self, job_id: str, *, wait: int | None = None) -> Job:
        """Return a job as it stands now; or when it has ended, or after `wait` seconds, which are 60 at most.

        The API lets so many callers wait and no more: beyond them it is Busy, and one asks without waiting.
        """
        if wait is None:
            return self._job(job_id, self._patience)
        path, params = f"/api/v2/jobs/{segment(job_id)}", {"wait": str(wait)}
        answer = self._connection.json("GET", path, Retry.SAFE, params=params, timeout=self._timeout + wait)
        return Job.parse(answer)

    def failures(self, job_id: str) -> Iterator[JobFailure]:
        """Iterate over the paths that a job could not index, page by page."""
        return self._pages(f"/api/v2/jobs/{segment(job_id)}/failures", JobFailure.parse)

    def callbacks(self, job_id: str) -> Iterator[Callback]:
        """Iterate over who was to be told of the ends of a job, with each attempt, page by page."""
        return self._pages(f"/api/v2/jobs/{segment(job_id)}/callbacks", Callback.parse)

    def wait(
        self,
        job_id: str,
        on_progress: Callable[[Job], None] | None = None,
        *,
        poll_seconds: float = 1.0,
        patience_seconds: float = 600.0,
        on_unavailable: Callable[[Unavailable, float], None] | None = None,
    ) -> Job:
        """Return a job once it has ended, however it ended.

        An API that is away for less than `patience_seconds` at a time is waited for; `on_unavailable` is
        told the reason and the seconds of every pause, `on_progress` the job as it stands at every look.
        A paused job is waited for without end.
        """
        patience = replace(self._patience, seconds=patience_seconds, on_pause=on_unavailable)
        while True:
            job = self._job(job_id, patience)
            if on_progress is not None:
                on_progress(job)
            if job.ended:
                return job
            self._patience.sleep(poll_seconds)

    def cancel(self, job_id: str) -> Job:
        """Stop a job within a batch; what is indexed stays."""
        return self._control(job_id, "cancel", Retry.SAFE)

    def pause(self, job_id: str) -> Job:
        """Let a job finish its batches in hand and then rest."""
        return self._control(job_id, "pause", Retry.SAFE)

    def resume(self, job_id: str) -> Job:
        """Let a paused job go on."""
        return self._control(job_id, "resume", Retry.SAFE)

    def retry(self, job_id: str) -> Job:
        """Submit the failed paths of an ended job again, within the same job."""
        # Once only: the second try after a lost answer would be refused because the first one worked.
        return self._control(job_id, "retry", Retry.NEVER)

    def collections(self) -> Iterator[Collection]:
        """Iterate over the collections, page by page."""
        return self._pages("/api/v2/collections", Collection.parse)

    def create_collection(
        self,
        name: str,
        *,
        index_type: str | None = None,
        index_params: Mapping[str, Any] | None = None,
        network: str | None = None,
        pipeline: str | None = None,
        preprocessing: Mapping[str, Any] | None = None,
    ) -> Collection:
        """Create an empty collection; what is None takes the API's default."""
        options = {
            "index_type": index_type,
            "index_params": index_params,
            "network": network,
            "pipeline": pipeline,
            "preprocessing": preprocessing,
        }
        body = {"name": name} | {key: value for key, value in options.items() if value is not None}
        return Collection.parse(self._connection.json("POST", "/api/v2/collections", Retry.NEVER, json=body))

    def collection(self, name: str) -> Collection:
        """Return one collection with its exact counts."""
        return Collection.parse(self._connection.json("GET", collection_path(name), Retry.SAFE))

    def delete_collection(self, name: str) -> None:
        """Delete a collection with its rows and vectors; the picture files stay."""
        self._connection.send("DELETE", collection_path(name), Retry.NEVER)

    def info(self) -> Info:
        """Return what the running system says about itself."""
        return Info.parse(self._connection.json("GET", "/api/v2/info", Retry.SAFE))

    def reconcile(self, dry_run: bool = False) -> Reconciliation:
        """Compare the stores and repair what a crash left behind; a dry run only compares."""
        return Reconciliation.parse(
            self._connection.json(
                "POST",
                "/api/v2/admin/reconcile",
                Retry.NEVER,
                json={"dry_run": dry_run},
                timeout=RECONCILE_TIMEOUT,
            )
        )

    def doctor(self) -> Report:
        """Return what is wrong with the system, as the API sees it, and what to do."""
        return Report.parse(
            self._connection.json("GET", "/api/v2/admin/doctor", Retry.SAFE, timeout=DOCTOR_TIMEOUT)
        )

    def healthy(self) -> bool:
        """Tell whether the API process answers; raise nothing when it does not."""
        return self._says_yes("/healthz")

    def ready(self) -> bool:
        """Tell whether the whole system can work now; raise nothing when it cannot."""
        return self._says_yes("/readyz")

    def _job(self, job_id: str, patience: Patience) -> Job:
        path = f"/api/v2/jobs/{segment(job_id)}"
        return Job.parse(self._connection.json("GET", path, Retry.SAFE, patience=patience))

    def _control(self, job_id: str, verb: str, retry: Retry) -> Job:
        return Job.parse(self._connection.json("POST", f"/api/v2/jobs/{segment(job_id)}/{verb}", retry))

    def _says_yes(self, path: str) -> bool:
        try:
            self._connection.send("GET", path, Retry.NEVER)
        except ClientError:
            return False
        return True


def _moment(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone().isoformat()


def _source(source: str | Sequence[str] | Manifest) -> str | dict[str, Any]:
    if isinstance(source, Manifest):
        return {"manifest": source.path}
    return source if isinstance(source, str) else {"paths": list(source)}
