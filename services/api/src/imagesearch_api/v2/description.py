"""Route that describes all the others."""

from __future__ import annotations

from flask import current_app, jsonify
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.callers import needs
from imagesearch_api.http.lanes import Lane
from imagesearch_api.openapi.document import document
from imagesearch_api.openapi.operation import ANYTHING, operation
from imagesearch_api.v2 import v2


@v2.get("/openapi.json")
@operation({200: ANYTHING})
@needs(Scope.READ)
@admitted(Lane.READS)
def openapi() -> ResponseReturnValue:
    """Describe every route of this interface as OpenAPI 3.1."""
    return jsonify(document(current_app))
