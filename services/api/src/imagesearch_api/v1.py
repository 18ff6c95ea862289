"""Answer the published client exactly as it expects: five routes, status 200, no JSON where it reads text."""

from __future__ import annotations

from collections import OrderedDict
from http import HTTPStatus
from threading import Lock

import structlog
from flask import Blueprint, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog import jobs, tenants
from imagesearch.catalog.states import JobOrigin
from imagesearch.errors import NotFound, PictureRejected, StoreUnavailable
from imagesearch.job_progress import JobProgress
from imagesearch.pipeline import Preprocessing
from imagesearch_api.errors import Busy, QueryRejected
from imagesearch_api.http.admission import admitted, caller_name
from imagesearch_api.http.bodies import MAX_JSON_BYTES, checked, expect_form
from imagesearch_api.http.callers import needs, owner, tenancy
from imagesearch_api.http.form_files import read_files, receive_files
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.links import Links
from imagesearch_api.http.numbers import read_int
from imagesearch_api.http.parameters import read_parameter, read_required
from imagesearch_api.http.problems import problem
from imagesearch_api.http.request_resources import held
from imagesearch_api.images.collection_deletion import delete_collection
from imagesearch_api.jobs.progress import follow
from imagesearch_api.jobs.submit import Submission, submit
from imagesearch_api.limits import MAX_TOP_K
from imagesearch_api.models.requests.jobs import JobBody
from imagesearch_api.search.matches import search as search_collection
from imagesearch_api.search.question import Query, Question, Shape, Window
from imagesearch_api.search.timings import Timings
from imagesearch_api.services import Services, current

log = structlog.get_logger()

v1 = Blueprint("v1", __name__, url_prefix="/api/v1")

DEFAULT_TABLE = "default"
MAX_REMEMBERED = 1_000
"""API keys whose last progress a process remembers."""


class LastSeen:
    """Remember the last progress shown, for the moments in which no store answers or too many ask."""

    def __init__(self) -> None:
        self._progress: OrderedDict[str | None, JobProgress | None] = OrderedDict()
        self._lock = Lock()

    def keep(self, api_key_id: str | None, progress: JobProgress | None) -> None:
        """Remember a report to an API key, or without one; of too many, those that were kept last."""
        with self._lock:
            self._progress[api_key_id] = progress
            self._progress.move_to_end(api_key_id)
            if len(self._progress) > MAX_REMEMBERED:
                self._progress.popitem(last=False)

    def get(self, api_key_id: str | None) -> JobProgress | None:
        """Return the report remembered last."""
        with self._lock:
            return self._progress.get(api_key_id)


def _text(body: str) -> Response:
    return Response(body, content_type="text/plain; charset=utf-8")


def _table() -> str:
    return read_parameter("Table") or DEFAULT_TABLE


@v1.before_request
def check_media_type() -> None:
    """Take short JSON, forms, and requests without a body."""
    expect_form(or_json=True)
    if request.is_json:
        request.max_content_length = MAX_JSON_BYTES


@v1.errorhandler(PictureRejected)
def reject_picture(error: PictureRejected) -> ResponseReturnValue:
    """Answer 400 for any picture that cannot be used, as the published contract says."""
    return problem(HTTPStatus.BAD_REQUEST, f"The picture cannot be used: {error.reason}.", code=error.code)


@v1.post("/train")
@needs(Scope.WRITE)
@admitted(Lane.SUBMISSIONS)
def train() -> ResponseReturnValue:
    """Start indexing a directory."""
    directory = read_required("File", "the path of a directory is expected")
    body = checked(JobBody, {"source": directory, "collection": _table()})
    services = current()
    wanted = Submission(source=directory, collection=body.collection, origin=JobOrigin.V1, owner=owner())
    job = submit(services.jobs, wanted)
    last: LastSeen = current_app.extensions["last_seen"]
    # A client that asks for progress now must not be shown the end of the job before.
    last.keep(owner().key_id, job.progress())
    services.latest.keep(job.id, owner().key_id)
    return _text("Start")


def _undecided() -> Response:
    """Keep the client asking until it can be said what to tell it: its two numbers differ."""
    return _text("current: 0, total: 1")


@v1.get("/process")
@needs(Scope.READ, undecided=_undecided, is_counted=False)
def process() -> ResponseReturnValue:
    """Say how far the newest job of this interface is; never an error while this process is up."""
    last: LastSeen = current_app.extensions["last_seen"]
    services = current()
    try:
        services.lanes.enter(Lane.STATUS, held(request.environ), caller_name())
        progress = _newest(services)
        last.keep(owner().key_id, progress)
    except (Busy, StoreUnavailable) as error:
        log.warning("process.from_memory", reason=str(error))
        progress = last.get(owner().key_id)
        if progress is None:
            return _undecided()
    if progress is None:
        return _text("current: 0, total: 0")
    total = progress.total
    if not progress.ended and progress.done >= total:
        # The client stops when the two numbers are equal, and asks for the count: that is too early while
        # planning goes on or the last vectors are not searchable yet.
        total = progress.done + 1
    return _text(f"current: {progress.done}, total: {total}, failed: {progress.failed}")


def _newest(services: Services) -> JobProgress | None:
    latest = services.latest.get(owner().key_id)
    if latest is not None:
        try:
            return follow(services.jobs, latest, owner())
        except NotFound:
            log.warning("latest.unknown", job=latest)
    with services.catalog.reading() as tx:
        found = jobs.newest(tx, limit=1, origin=JobOrigin.V1, owner=owner(), api_key_id=owner().key_id)
    return found[0].progress() if found else None


@v1.post("/count")
@needs(Scope.READ)
@admitted(Lane.READS)
def count() -> ResponseReturnValue:
    """Say how many pictures a collection holds; none for one that does not exist."""
    with current().catalog.reading() as tx:
        try:
            collection = tenants.collection(tx, _table(), tenancy())
        except NotFound:
            return _text("0")
        return _text(str(tenants.counts(tx, [collection.id], tenancy())[collection.id]))


@v1.post("/search")
@needs(Scope.READ)
@admitted(Lane.SEARCHES)
def search() -> ResponseReturnValue:
    """Return `[[url, distance], ...]`, nearest first; an empty list for a collection that does not exist."""
    services = current()
    limit = services.settings.max_upload_bytes
    receive_files(limit)
    # The published server took the first of several files.
    data = read_files("file", limit, or_json=False)[0]
    top_k = read_int("Num", read_parameter("Num"), default=1, low=1, high=MAX_TOP_K)
    try:
        question = Question([Query(data=data)], Shape(Window(0, top_k)))
        matches = search_collection(services.search, _table(), question, Timings(), owner())[0]
    except QueryRejected as error:
        raise error.cause from error
    except NotFound:
        # A bad picture is an error also where nothing can be found.
        services.pictures.decode(data, Preprocessing())
        return jsonify([])
    links = Links.of_request(services.settings.public_url)
    return jsonify([[links.file_of(match.image.id), match.distance] for match in matches])


@v1.post("/delete")
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def delete() -> ResponseReturnValue:
    """Delete a collection with all that it holds; deleting what does not exist is no error."""
    try:
        delete_collection(current().deletes, _table(), owner())
    except NotFound:
        return _text("There is no such table")
    return _text("Deleted")
