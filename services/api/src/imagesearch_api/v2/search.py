"""Search a collection by pictures, by what is indexed already, or by vectors."""

from __future__ import annotations

from flask import jsonify
from flask.typing import ResponseReturnValue

from imagesearch_api.composition import current
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.fields import naming_queries
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.links import Links
from imagesearch_api.http.questions import read_question
from imagesearch_api.models.responses import match_shape
from imagesearch_api.search.matches import search
from imagesearch_api.search.timings import Timings
from imagesearch_api.v2 import v2


@v2.post("/collections/<name>/search")
@admitted(Lane.SEARCHES)
def search_collection(name: str) -> ResponseReturnValue:
    """Find the pictures of a collection that look like those of the queries."""
    timings = Timings()
    settings = current().settings
    question, fields = read_question(settings.max_upload_bytes, settings.max_body_bytes)
    with naming_queries(fields):
        found = search(current(), name, question, timings)
    include = question.shape.include
    links = Links.of_request(settings.public_url)
    answers = [{"results": [match_shape(links, match, include) for match in matches]} for matches in found]
    answer = {"queries": answers} if question.is_batch else answers[0]
    return jsonify({**answer, "took_ms": timings.with_total()})
