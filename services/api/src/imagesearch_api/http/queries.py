"""Read what a search goes by: one query, several, or examples."""

from __future__ import annotations

from typing import NamedTuple

from flask import request

from imagesearch_api.http.bodies import checked, parse_json
from imagesearch_api.http.fields import BadField, QueryFields
from imagesearch_api.http.form_files import read_files
from imagesearch_api.http.numbers import decimal_number
from imagesearch_api.limits import MAX_EXAMPLES, NEGATIVE_SHARE
from imagesearch_api.models.requests.search import ExampleBody, ExamplesBody, ExamplesForm, QueryBody
from imagesearch_api.search.examples import Examples
from imagesearch_api.search.question import Query, unit

SIDES = ("positive", "negative")
EXAMPLE_FIELDS = ("examples", "positive_weight", "negative_weight")
"""Fields of a form that say something of examples, beside the files."""


class NamedExamples(NamedTuple):
    """Pair examples, the positive ones first, with what the request calls each and how they are put together."""

    queries: list[Query]
    fields: list[QueryFields]
    examples: Examples


class _Side(NamedTuple):
    queries: list[Query]
    fields: list[QueryFields]
    weights: list[float]


def query_of(body: QueryBody) -> Query:
    """Return what a checked body searches by."""
    return Query(
        image_id=body.image_id,
        own_key=body.key,
        path=body.path,
        vector=unit(body.vector) if body.vector is not None else None,
        url=body.url,
        box=body.box,
    )


def fields_of(body: QueryBody, prefix: str) -> QueryFields:
    """Return what the request calls a query whose fields stand behind a prefix."""
    return QueryFields(prefix + body.given()[0], f"{prefix}box")


def examples_in_json(body: ExamplesBody) -> NamedExamples:
    """Return the examples of a checked body."""
    return _joined(_side(body.positive, "positive"), _side(body.negative, "negative"), body.negative_share)


def has_examples_in_form() -> bool:
    """Tell whether the current request's form holds anything of examples."""
    return any(side in request.files for side in SIDES) or any(name in request.values for name in EXAMPLE_FIELDS)


def examples_in_form(limit: int) -> NamedExamples:
    """Return the examples of the current request's form: its files, of at most `limit` bytes, and what is in JSON.

    Raises:
        BadField, BadFields: a field breaks its rule.
        RequestEntityTooLarge: a picture is too large.
    """
    raw = {
        f"{side}_weight": [decimal_number(text) for text in texts]
        for side in SIDES
        if (texts := request.values.getlist(f"{side}_weight"))
    }
    texts = request.values.getlist("examples")
    if len(texts) > 1:
        raise BadField("examples", "is given once")
    described = {"examples": parse_json("examples", texts[0])} if texts else {}
    form = checked(ExamplesForm, {**raw, **described})
    body = form.examples or ExamplesBody()
    positive = _both(_files("positive", form.positive_weight, limit), _side(body.positive, "examples.positive"))
    negative = _both(_files("negative", form.negative_weight, limit), _side(body.negative, "examples.negative"))
    if not positive.queries:
        raise BadField("positive", "at least one positive example is expected")
    if len(positive.queries) + len(negative.queries) > MAX_EXAMPLES:
        raise BadField("positive", f"at most {MAX_EXAMPLES} examples, positive and negative")
    if "image" in request.files:
        raise BadField("image", "either examples, or a picture to search by")
    return _joined(positive, negative, body.negative_share)


def _files(side: str, weights: list[float], limit: int) -> _Side:
    pictures = read_files(side, limit) if side in request.files else []
    if len(weights) not in (0, 1, len(pictures)) or (weights and not pictures):
        raise BadField(f"{side}_weight", f"one weight for all files called {side} is expected, or one for each")
    each = weights if len(weights) == len(pictures) else (weights or [1.0]) * len(pictures)
    names = [f"{side}[{index}]" if len(pictures) > 1 else side for index in range(len(pictures))]
    return _Side([Query(data=data) for data in pictures], [QueryFields(name) for name in names], each)


def _side(bodies: list[ExampleBody] | None, name: str) -> _Side:
    given = bodies or []
    return _Side(
        [query_of(body) for body in given],
        [fields_of(body, f"{name}[{index}].") for index, body in enumerate(given)],
        [body.weight for body in given],
    )


def _both(one: _Side, other: _Side) -> _Side:
    return _Side(one.queries + other.queries, one.fields + other.fields, one.weights + other.weights)


def _joined(positive: _Side, negative: _Side, share: float | None) -> NamedExamples:
    both = _both(positive, negative)
    how = Examples(len(positive.queries), tuple(both.weights), NEGATIVE_SHARE if share is None else share)
    return NamedExamples(both.queries, both.fields, how)
