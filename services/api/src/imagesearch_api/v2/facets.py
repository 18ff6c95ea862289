"""Route of the metadata that a collection can be filtered by."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog import facets, tenants
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.callers import needs, tenancy
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.parameters import read_partition
from imagesearch_api.models.responses.facets import Facets
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import PARTITION
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.get("/collections/<name>/facets")
@operation({200: Facets}, parameters=(PARTITION,), errors=(404,))
@needs(Scope.READ)
@admitted(Lane.READS)
def show_facets(name: str) -> ResponseReturnValue:
    """Show the fields of metadata that images of a collection have, and their values, for filters to choose from.

    At most 2,000 images are looked at: the first thousand, and others evenly over the collection.
    """
    partition = tenancy().partition_of(read_partition())
    with current().catalog.reading() as tx:
        collection = tenants.collection(tx, name, tenancy())
        found = facets.facets(tx, collection.id, partition)
    return answer(Facets.of(found))
