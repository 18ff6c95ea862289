"""Say to whoever has as much as a quota allows which quota that is, and what is used of it."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response

from imagesearch.errors import QuotaExceeded, Resource
from imagesearch.failures import FailureCode
from imagesearch.metrics import QUOTA_REFUSALS
from imagesearch_api.http.callers import tenancy
from imagesearch_api.http.problems import problem
from imagesearch_api.models.responses.problems import UsedQuota

JOB_ENDS_SECONDS = 60
"""After which somebody may ask again who has as many jobs as a quota allows."""


def answer_refusals(app: Flask) -> None:
    """Make refusals by quotas problem details responses with their numbers."""
    app.register_error_handler(QuotaExceeded, _refusal)


def _refusal(error: QuotaExceeded) -> Response:
    """Return 403, as waiting makes no room; 429 for jobs, which end.

    What others have is not told: a key that does not reach all that counts sees no numbers.
    """
    QUOTA_REFUSALS.labels(error.resource.value).inc()
    shown = UsedQuota(
        resource=error.resource,
        used=error.used,
        limit=error.limit,
        collection=error.collection,
        partition=error.partition,
    )
    ends = error.resource is Resource.JOBS
    return problem(
        HTTPStatus.TOO_MANY_REQUESTS if ends else HTTPStatus.FORBIDDEN,
        str(error),
        code=FailureCode.QUOTA_EXCEEDED,
        retry_after=JOB_ENDS_SECONDS,
        quota=shown if tenancy().reaches_all_of(error.collection, error.partition) else None,
    )
