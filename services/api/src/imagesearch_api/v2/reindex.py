"""Route that builds the index of a collection anew."""

from __future__ import annotations

from http import HTTPStatus

from flask import url_for
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog.states import JobOrigin
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import needs, owner
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.parameters import read_key
from imagesearch_api.jobs.reindex import Rebuild, submit_reindex
from imagesearch_api.models.requests.collections import ReindexBody
from imagesearch_api.models.responses.jobs import Job
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import IDEMPOTENCY_KEY
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.post("/collections/<name>/reindex")
@operation({202: Job}, parameters=(IDEMPOTENCY_KEY,), json=ReindexBody, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.SUBMISSIONS)
def reindex_collection(name: str) -> ResponseReturnValue:
    """Take a job that builds the collection's index anew; searches go on with the old one until it is done."""
    body = read_json(ReindexBody)
    wanted = Rebuild(
        body.index_type,
        body.index_params,
        body.pipeline,
        body.preprocessing,
        body.network,
        body.extract,
        body.callback_url,
    )
    job = submit_reindex(
        current().jobs,
        current().search.vectors,
        name,
        wanted,
        origin=JobOrigin.V2,
        owner=owner(),
        idempotency_key=read_key(f"POST /api/v2/collections/{name}/reindex"),
    )
    location = url_for("v2.show_job", job_id=job.id)
    return answer(Job.of(job.progress()), HTTPStatus.ACCEPTED, location=location)
