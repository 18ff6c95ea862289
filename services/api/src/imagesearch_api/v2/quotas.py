"""The route of quotas: what tenants have, and may have. They are set by the command on the server."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog.quotas import admission, counts, limits
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.callers import needs, tenancy
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.pages import read_page
from imagesearch_api.models.responses.quotas import Quota, QuotaPage
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import PAGE
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.get("/quotas")
@operation({200: QuotaPage}, parameters=PAGE)
@needs(Scope.READ)
@admitted(Lane.READS)
def list_quotas() -> ResponseReturnValue:
    """List quotas, with what is used of them, by id: those of what the key reaches all of."""
    limit, cursor = read_page()
    with current().catalog.reading() as tx:
        found = limits.listing(tx, tenancy(), after=cursor or 0, limit=limit)
        used = counts.used(tx, [quota.id for quota in found])
        items = [Quota.of(quota, used[quota.id], admission.open_jobs(tx, quota)) for quota in found]
    return answer(QuotaPage.of(items, [quota.id for quota in found], limit))
