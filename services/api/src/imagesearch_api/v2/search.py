"""Search a collection by pictures, by what is indexed already, or by vectors."""

from __future__ import annotations

from flask import jsonify
from flask.typing import ResponseReturnValue

from imagesearch_api.composition import current
from imagesearch_api.http.admission import Lane, admitted
from imagesearch_api.http.parsing import read_question
from imagesearch_api.models.responses import match_shape
from imagesearch_api.search.matches import search
from imagesearch_api.search.timings import Timings
from imagesearch_api.v2 import v2


@v2.post("/collections/<name>/search")
@admitted(Lane.SEARCHES)
def search_collection(name: str) -> ResponseReturnValue:
    """Find the pictures of a collection that look like those of the queries."""
    timings = Timings()
    question = read_question(current().settings)
    found = search(current(), name, question, timings)
    include = question.shape.include
    answers = [{"results": [match_shape(current(), match, include) for match in matches]} for matches in found]
    answer = {"queries": answers} if question.is_batch else answers[0]
    return jsonify({**answer, "took_ms": timings.with_total()})
