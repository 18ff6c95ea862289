"""Search a collection by pictures, by what is indexed already, or by vectors."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch_api.http.admission import admit, admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.callers import needs, owner
from imagesearch_api.http.fields import QueryFields, naming_queries
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.links import Links
from imagesearch_api.http.questions import read_pictures, read_question
from imagesearch_api.models.requests.search import SearchBody
from imagesearch_api.models.responses.search import (
    BatchResults,
    Embeddings,
    Matches,
    Result,
    Results,
    SearchPlan,
)
from imagesearch_api.openapi.forms import EMBED_FORM, SEARCH_FORM
from imagesearch_api.openapi.operation import operation
from imagesearch_api.search.embeddings import embed_pictures
from imagesearch_api.search.explanation import explain_match
from imagesearch_api.search.matches import Match, search
from imagesearch_api.search.plan import Plan
from imagesearch_api.search.question import Include
from imagesearch_api.search.regions import Regions
from imagesearch_api.search.timings import Timings
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.post("/collections/<name>/search")
@operation({200: (Results, BatchResults)}, json=SearchBody, form=SEARCH_FORM, errors=(404, 409))
@needs(Scope.READ)
@admitted(Lane.SEARCHES)
def search_collection(name: str) -> ResponseReturnValue:
    """Find the pictures of a collection that look like those of the queries."""
    timings = Timings()
    settings = current().settings
    question, fields = read_question(settings.max_upload_bytes, settings.max_body_bytes)
    explain = question.shape.explain
    if explain is not None:
        admit(Lane.EXPLANATIONS)
    regions, plan = None, Plan()
    # What is wrong with the file of a result stands at what asked for it.
    with naming_queries([*fields, QueryFields("explain")]):
        found = search(current().search, name, question, timings, owner(), plan=plan)
        if explain is not None and found[0]:
            query, image = question.queries[0], found[0][0].image
            regions = explain_match(
                current().search,
                name,
                query,
                image,
                timings,
                wanted=explain,
                owner=owner(),
                partition=question.shape.partition,
            )
    links = Links.of_request(settings.public_url)
    include = question.shape.include
    answers = [[_result(match, links, include, regions) for match in matches] for matches in found]
    told = {"plan": SearchPlan.of(plan)} if question.shape.plan else {}
    if question.is_batch:
        queries = [Matches(results=results) for results in answers]
        return answer(BatchResults(queries=queries, took_ms=timings.with_total(), **told))
    return answer(Results(results=answers[0], took_ms=timings.with_total(), **told))


@v2.post("/collections/<name>/embed")
@operation({200: Embeddings}, form=EMBED_FORM, errors=(404, 409))
@needs(Scope.READ)
@admitted(Lane.SEARCHES)
def embed_in_collection(name: str) -> ResponseReturnValue:
    """Return the vectors that pictures would have in a collection; nothing is stored."""
    timings, settings = Timings(), current().settings
    given = read_pictures(settings.max_upload_bytes, settings.max_body_bytes)
    with naming_queries(given.fields):
        made = embed_pictures(current().search, name, given.pictures, timings, owner())
    vectors = [vector.tolist() for vector in made.vectors]
    return answer(Embeddings(model=made.model, vectors=vectors, took_ms=timings.with_total()))


def _result(match: Match, links: Links, include: frozenset[Include], regions: Regions | None) -> Result:
    image = match.image
    file, small = links.file_of(image.id), links.thumbnail_of(image.id)
    return Result.of(image, match.distance, file, small, include, regions=regions, vector=match.vector)
