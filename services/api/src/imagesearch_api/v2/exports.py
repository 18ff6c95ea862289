"""Routes of exports: have a collection written to files with its vectors, and fetch them."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from imagesearch.access.scopes import Scope
from imagesearch.catalog import exports
from imagesearch.errors import Conflict, ConflictCode, NotFound
from imagesearch.files.exports import Exports
from imagesearch_api.dry_runs import changing
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import needs, owner
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.links import url_of
from imagesearch_api.http.pages import checked_job, read_page
from imagesearch_api.http.parameters import read_dry_run, read_key
from imagesearch_api.jobs.exports import export_of_job, remove_export, submit_export
from imagesearch_api.models.requests.exports import ExportBody
from imagesearch_api.models.responses.exports import Export, ExportPart, ExportPartPage
from imagesearch_api.models.responses.jobs import Job
from imagesearch_api.openapi.operation import FILE, operation
from imagesearch_api.openapi.parameters import DRY_RUN, IDEMPOTENCY_KEY, PAGE
from imagesearch_api.services import current
from imagesearch_api.v2 import v2

PARQUET = "application/vnd.apache.parquet"


def _store() -> Exports:
    store = current().exports
    if store is None:
        raise Conflict(
            "Exports are switched off: neither EXPORT_ROOT nor EXPORTS_URL is set.", ConflictCode.EXPORTS_OFF
        )
    return store


@v2.post("/collections/<name>/exports")
@operation({202: Job}, parameters=(IDEMPOTENCY_KEY,), json=ExportBody, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.SUBMISSIONS)
def export_collection(name: str) -> ResponseReturnValue:
    """Take a job that writes the indexed images of a collection to Parquet files, each with its vector."""
    body = read_json(ExportBody)
    _store()
    job = submit_export(
        current().jobs,
        name,
        partition=body.partition,
        owner=owner(),
        callback_url=body.callback_url,
        idempotency_key=read_key(f"POST /api/v2/collections/{name}/exports"),
    )
    location = url_for("v2.show_job", job_id=job.id)
    return answer(Job.of(job.progress()), HTTPStatus.ACCEPTED, location=location)


@v2.get("/jobs/<job_id>/export")
@operation({200: Export}, errors=(404, 409))
@needs(Scope.READ)
@admitted(Lane.READS)
def show_export(job_id: str) -> ResponseReturnValue:
    """Show what a job has exported, and what made the vectors."""
    with current().catalog.reading() as tx:
        job, found = export_of_job(tx, checked_job(job_id), owner())
    return answer(Export.of(job, found))


@v2.delete("/jobs/<job_id>/export")
@operation({200: Export, 204: None}, parameters=(DRY_RUN,), errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def delete_export(job_id: str) -> ResponseReturnValue:
    """Remove what a job has exported; the collection stays as it is. A dry run shows what it is."""
    dry_run = read_dry_run()
    with changing(current().catalog, dry_run=dry_run) as tx:
        job, removed = remove_export(tx, checked_job(job_id), owner(), again=not dry_run)
    return answer(Export.of(job, removed)) if dry_run else ("", HTTPStatus.NO_CONTENT)


@v2.get("/jobs/<job_id>/export/parts")
@operation({200: ExportPartPage}, parameters=PAGE, errors=(404, 409))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_export_parts(job_id: str) -> ResponseReturnValue:
    """List the files of an export."""
    limit, cursor = read_page()
    with current().catalog.reading() as tx:
        job, _ = export_of_job(tx, checked_job(job_id), owner())
        found = exports.parts(tx, job.id, after=cursor or 0, limit=limit)
    public_url = current().settings.public_url
    items = [
        ExportPart.of(part, url_of(public_url, "v2.export_part", job_id=job.id, number=part.number))
        for part in found
    ]
    return answer(ExportPartPage.of(items, [part.number for part in found], limit))


@v2.get("/jobs/<job_id>/export/parts/<int:number>")
@operation({200: FILE, 206: FILE, 304: None}, errors=(404, 409, 416), media=(PARQUET,))
@needs(Scope.READ)
@admitted(Lane.FILES)
def export_part(job_id: str, number: int) -> ResponseReturnValue:
    """Send a file of an export, or the range of it that is asked for."""
    store = _store()
    with current().catalog.reading() as tx:
        job, _ = export_of_job(tx, checked_job(job_id), owner())
        part = next(iter(exports.parts(tx, job.id, after=number - 1, limit=1)), None)
    if part is None or part.number != number:
        raise NotFound(f"The export of job {job.id} has no part {number}.")
    try:
        file = store.open(job.id, part.name)
    except FileNotFoundError as error:
        raise NotFound(f"The export of job {job.id} was removed.") from error
    response: Response = send_file(
        file, mimetype=PARQUET, download_name=part.name, conditional=False, etag=part.sha256
    )
    response.cache_control.private = True
    response.content_length = part.bytes
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=part.bytes)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise
    return response
