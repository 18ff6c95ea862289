"""Route of callbacks: who was told of the ends of a job, and what they answered."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import callbacks
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.callers import needs, owner
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.pages import checked_job, read_page
from imagesearch_api.models.responses.callbacks import Callback, CallbackPage
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import PAGE
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.get("/jobs/<job_id>/callbacks")
@operation({200: CallbackPage}, parameters=PAGE, errors=(404,))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_callbacks(job_id: str) -> ResponseReturnValue:
    """List who was to be told of the ends of a job, with each attempt."""
    limit, cursor = read_page()
    with current().catalog.reading() as tx:
        job = jobs.get(tx, checked_job(job_id), owner())
        found = callbacks.of_job(tx, job.id, after=cursor or 0, limit=limit)
        attempts = callbacks.attempts(tx, [callback.id for callback in found])
    items = [Callback.of(callback, attempts.get(callback.id, [])) for callback in found]
    return answer(CallbackPage.of(items, [callback.id for callback in found], limit))
