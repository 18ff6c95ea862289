"""Routes of jobs: submit, follow, control, and see what failed."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from flask import request, url_for
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.jobs.wishes import Wishes
from imagesearch.catalog.states import JobOrigin
from imagesearch.failures import FailureCode
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import long_json, read_json
from imagesearch_api.http.callers import needs, owner
from imagesearch_api.http.event_stream import EVENT_STREAM, KEEP_ALIVE, event, stream
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.pages import checked_job, read_page
from imagesearch_api.http.parameters import read_key, read_selection, read_wait
from imagesearch_api.jobs import control
from imagesearch_api.jobs.progress import follow
from imagesearch_api.jobs.submit import ManifestSource, Submission, submit
from imagesearch_api.jobs.waiting import wait_for_end, watch
from imagesearch_api.limits import MAX_WAIT_SECONDS
from imagesearch_api.models.requests.jobs import JobBody, ManifestFile, PathList
from imagesearch_api.models.responses.jobs import Failure, FailurePage, Job, JobPage
from imagesearch_api.openapi.operation import FILE, operation
from imagesearch_api.openapi.parameters import IDEMPOTENCY_KEY, JOB_SELECTION, PAGE, WAIT
from imagesearch_api.services import current
from imagesearch_api.v2 import v2

SUBMITTING = "POST /api/v2/jobs"
"""Scope of the keys that jobs are submitted under. Jobs keep it."""


@v2.post("/jobs")
@operation({202: Job}, parameters=(IDEMPOTENCY_KEY,), json=JobBody, errors=(403, 404, 409))
@needs(Scope.WRITE)
@admitted(Lane.SUBMISSIONS)
@long_json
def submit_job() -> ResponseReturnValue:
    """Take a job and answer before its work begins."""
    body = read_json(JobBody)
    submission = Submission(
        source=_source(body.source),
        collection=body.collection,
        origin=JobOrigin.V2,
        owner=owner(),
        recursive=body.recursive,
        partition=body.partition,
        metadata=body.metadata,
        prune=body.prune,
        wishes=Wishes(tuple(body.facts), body.metadata_from_path),
        callback_url=body.callback_url,
        idempotency_key=read_key(SUBMITTING),
    )
    job = submit(current().jobs, submission)
    location = url_for("v2.show_job", job_id=job.id)
    return answer(Job.of(job.progress()), HTTPStatus.ACCEPTED, location=location)


def _source(source: str | PathList | ManifestFile) -> str | list[str] | ManifestSource:
    match source:
        case PathList(paths=paths):
            return paths
        case ManifestFile(manifest=path):
            return ManifestSource(path)
        case str():
            return source


@v2.get("/jobs")
@operation({200: JobPage}, parameters=(*PAGE, *JOB_SELECTION))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_jobs() -> ResponseReturnValue:
    """List jobs, newest first."""
    limit, cursor = read_page()
    selection = read_selection()
    with current().catalog.reading() as tx:
        found = jobs.newest(tx, limit=limit, before=cursor, owner=owner(), selection=selection)
    items = [Job.of(job.progress()) for job in found]
    return answer(JobPage.of(items, [job.number for job in found], limit))


def _lane_of_wait() -> Lane | None:
    return Lane.WAITS if "wait" in request.args else None


@v2.get("/jobs/<job_id>")
@operation({200: Job}, parameters=(WAIT,), errors=(404,))
@needs(Scope.READ)
@admitted(Lane.READS, unless=_lane_of_wait)
def show_job(job_id: str) -> ResponseReturnValue:
    """Show one job; with `wait`, when it has ended."""
    seconds = read_wait() or 0
    pause = current().stopping.wait
    job = wait_for_end(current().jobs, checked_job(job_id), owner(), seconds=seconds, pause=pause)
    return answer(Job.of(job))


@v2.get("/jobs/<job_id>/events")
@operation({200: FILE}, errors=(404,), media=(EVENT_STREAM,))
@needs(Scope.READ)
@admitted(Lane.WAITS)
def watch_job(job_id: str) -> ResponseReturnValue:
    """Send the job as server-sent events: `progress` each time that it has moved, and `end` when it has ended.

    After a minute the stream ends, and browsers ask again by themselves. Where 429 comes, one polls instead.
    """
    ports, of, pause = current().jobs, owner(), current().stopping.wait
    first = follow(ports, checked_job(job_id), of)

    def events() -> Iterator[str]:
        for job in watch(ports, first, of, seconds=MAX_WAIT_SECONDS, pause=pause):
            if job is None:
                yield KEEP_ALIVE
            else:
                yield event("end" if job.ended else "progress", job.revision, Job.of(job))

    return stream(events())


@v2.get("/jobs/<job_id>/failures")
@operation({200: FailurePage}, parameters=PAGE, errors=(404,))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_failures(job_id: str) -> ResponseReturnValue:
    """List the paths that failed, with code and reason."""
    limit, cursor = read_page()
    with current().catalog.reading() as tx:
        job = jobs.get(tx, checked_job(job_id), owner())
        found = ledger.failures(tx, job.id, after=cursor or 0, limit=limit)
    items = [Failure(path=one.path, code=FailureCode(one.code), reason=one.reason) for one in found]
    return answer(FailurePage.of(items, [one.id for one in found], limit))


@v2.post("/jobs/<job_id>/cancel")
@operation({200: Job}, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def cancel_job(job_id: str) -> ResponseReturnValue:
    """Cancel a job."""
    return answer(Job.of(control.cancel(current().jobs, checked_job(job_id), owner()).progress()))


@v2.post("/jobs/<job_id>/pause")
@operation({200: Job}, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def pause_job(job_id: str) -> ResponseReturnValue:
    """Pause a job."""
    return answer(Job.of(control.pause(current().jobs, checked_job(job_id), owner()).progress()))


@v2.post("/jobs/<job_id>/resume")
@operation({200: Job}, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def resume_job(job_id: str) -> ResponseReturnValue:
    """Resume a paused job."""
    return answer(Job.of(control.resume(current().jobs, checked_job(job_id), owner()).progress()))


@v2.post("/jobs/<job_id>/retry")
@operation({200: Job}, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def retry_job(job_id: str) -> ResponseReturnValue:
    """Submit the failed paths of a job once more."""
    return answer(Job.of(control.retry(current().jobs, checked_job(job_id), owner()).progress()))
