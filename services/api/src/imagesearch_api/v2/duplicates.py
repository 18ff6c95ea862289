"""Routes that compare pictures: duplicates within a collection, and two with each other."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog.states import JobOrigin
from imagesearch_api.http.admission import admit, admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import needs, owner, tenancy
from imagesearch_api.http.comparisons import SIDES, read_pair
from imagesearch_api.http.fields import naming_queries
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.links import Links
from imagesearch_api.http.pages import checked_job, read_page
from imagesearch_api.http.parameters import read_duplicates_query, read_key
from imagesearch_api.models.requests.similarity import CompareBody, DuplicatesBody
from imagesearch_api.models.responses.jobs import Job
from imagesearch_api.models.responses.similarity import Comparison, DuplicateGroup, DuplicateGroupPage, Regions
from imagesearch_api.openapi.forms import COMPARE_FORM
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import IDEMPOTENCY_KEY, MAX_DISTANCE, PAGE, PARTITION
from imagesearch_api.search.comparison import compare
from imagesearch_api.search.duplicates import (
    Page,
    duplicates_now,
    duplicates_of_job,
    submit_duplicates,
)
from imagesearch_api.search.explanation import explain_pair
from imagesearch_api.search.timings import Timings
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.get("/collections/<name>/duplicates")
@operation({200: DuplicateGroupPage}, parameters=(*PAGE, MAX_DISTANCE, PARTITION), errors=(404, 409))
@needs(Scope.READ)
@admitted(Lane.SUBMISSIONS)
def show_duplicates(name: str) -> ResponseReturnValue:
    """Find groups of like pictures at once; a large collection is refused, and needs a job."""
    limit, cursor = read_page()
    body = read_duplicates_query()
    page = duplicates_now(
        current().comparison,
        name,
        max_distance=body.max_distance,
        partition=body.partition,
        most=current().settings.max_compared_images,
        limit=limit,
        after=cursor or 0,
        tenancy=tenancy(),
    )
    return _shown(page)


@v2.post("/collections/<name>/duplicates")
@operation({202: Job}, parameters=(IDEMPOTENCY_KEY,), json=DuplicatesBody, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.SUBMISSIONS)
def look_for_duplicates(name: str) -> ResponseReturnValue:
    """Take a job that looks for groups of like pictures, and answer before its work begins."""
    body = read_json(DuplicatesBody)
    job = submit_duplicates(
        current().jobs,
        name,
        max_distance=body.max_distance,
        partition=body.partition,
        origin=JobOrigin.V2,
        owner=owner(),
        callback_url=body.callback_url,
        idempotency_key=read_key(f"POST /api/v2/collections/{name}/duplicates"),
    )
    location = url_for("v2.show_job", job_id=job.id)
    return answer(Job.of(job.progress()), HTTPStatus.ACCEPTED, location=location)


@v2.get("/jobs/<job_id>/duplicates")
@operation({200: DuplicateGroupPage}, parameters=PAGE, errors=(404, 409))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_duplicates(job_id: str) -> ResponseReturnValue:
    """List the groups that a job has found."""
    limit, cursor = read_page()
    page = duplicates_of_job(current().jobs, checked_job(job_id), limit=limit, after=cursor or 0, owner=owner())
    return _shown(page)


@v2.post("/compare")
@operation({200: Comparison}, json=CompareBody, form=COMPARE_FORM, errors=(404, 409))
@needs(Scope.READ)
@admitted(Lane.PICTURES)
def compare_pictures() -> ResponseReturnValue:
    """Tell how far two pictures lie from each other."""
    timings = Timings()
    pair = read_pair(current().settings.max_upload_bytes)
    if pair.explain is not None:
        admit(Lane.EXPLANATIONS)
    with naming_queries(SIDES):
        found = compare(current().comparison, pair.sides, pair.collection, timings, owner())
        explained = {}
        if pair.explain is not None:
            regions = explain_pair(
                current().comparison,
                pair.sides,
                found.rows,
                found.home,
                timings,
                wanted=pair.explain,
                owner=owner(),
            )
            explained = {"regions": Regions.of(regions)}
    return answer(
        Comparison(
            distance=found.distance,
            band=found.band,
            same_content=found.same_content,
            took_ms=timings.with_total(),
            **explained,
        )
    )


def _shown(page: Page) -> Response:
    links = Links.of_request(current().settings.public_url)
    urls = {image_id: links.file_of(image_id) for image_id in page.images}
    groups = [DuplicateGroup.of(group, page.images, urls) for group in page.groups]
    following = str(page.next) if page.next is not None else None
    return answer(
        DuplicateGroupPage(items=groups, next=following, max_distance=page.max_distance, untrained=page.untrained)
    )
