"""Read a search out of a request: JSON, or a multipart form with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import request

from imagesearch.pictures.regions import InvalidRegion, Region
from imagesearch.vectors import MAX_WINDOW
from imagesearch_api.http.bodies import checked, expect_form, parse_json, read_json
from imagesearch_api.http.fields import BadField, QueryFields
from imagesearch_api.http.form_files import read_files, receive_files
from imagesearch_api.http.numbers import decimal_number, whole_number
from imagesearch_api.http.queries import (
    EXAMPLE_FIELDS,
    examples_in_form,
    examples_in_json,
    fields_of,
    has_examples_in_form,
    query_of,
)
from imagesearch_api.limits import DEFAULT_RESULTS, MAX_VECTORS
from imagesearch_api.models.requests.search import SearchBody, ShapeBody
from imagesearch_api.search.question import Query, Question, Shape, Window


class NamedQuestion(NamedTuple):
    """Pair a question with what the request calls each of its queries."""

    question: Question
    fields: list[QueryFields]


class NamedPictures(NamedTuple):
    """Pair pictures with what the request calls each of them."""

    pictures: list[bytes]
    fields: list[QueryFields]


def read_question(max_picture: int, max_form: int) -> NamedQuestion:
    """Return what the current request searches by.

    Args:
        max_picture: the largest picture in bytes.
        max_form: what all of them may take together.

    Raises:
        AtField: the body is neither JSON nor a form, status 415.
        BadField, BadFields: a field breaks its rule.
        Busy: there is no memory for the pictures in time.
        RequestEntityTooLarge: a picture, or all of them, are too large.
    """
    if request.is_json:
        asked = _in_json(read_json(SearchBody))
    else:
        expect_form(or_json=True)
        receive_files(max(max_form, max_picture))
        asked = _in_form(max_picture)
    _check_total(asked.question)
    _check_explained(asked.question)
    _check_vectors(asked.question)
    return asked


def _in_json(body: SearchBody) -> NamedQuestion:
    if body.has_examples:
        found = examples_in_json(body)
        return NamedQuestion(Question(found.queries, shape_of(body), examples=found.examples), found.fields)
    if body.queries is None:
        return NamedQuestion(Question([query_of(body)], shape_of(body)), [fields_of(body, "")])
    queries = [query_of(query) for query in body.queries]
    names = [fields_of(query, f"queries[{index}].") for index, query in enumerate(body.queries)]
    return NamedQuestion(Question(queries, shape_of(body), is_batch=True), names)


def _in_form(limit: int) -> NamedQuestion:
    if has_examples_in_form():
        found = examples_in_form(limit)
        shape = shape_of(_shape_in_form(EXAMPLE_FIELDS))
        return NamedQuestion(Question(found.queries, shape, examples=found.examples), found.fields)
    pictures = read_files("image", limit)
    body = _shape_in_form(("box",))
    boxes = _boxes(len(pictures))
    is_batch = len(pictures) > 1
    queries, names = [], []
    for index, data in enumerate(pictures):
        box = boxes[index if len(boxes) > 1 else 0] if boxes else None
        queries.append(Query(data=data, box=box))
        names.append(
            QueryFields(f"image[{index}]" if is_batch else "image", f"box[{index}]" if len(boxes) > 1 else "box")
        )
    return NamedQuestion(Question(queries, shape_of(body), is_batch), names)


def _shape_in_form(others: Sequence[str]) -> ShapeBody:
    """Return what the current request's form says about its answer, besides other fields."""
    fields = {name: request.values.getlist(name) for name in request.values if name not in others}
    return checked(ShapeBody, {name: _value(name, texts) for name, texts in fields.items()})


def _boxes(pictures: int) -> list[Region]:
    texts = request.values.getlist("box")
    if len(texts) not in (0, 1, pictures):
        raise BadField("box", "one box for all pictures is expected, or one for each")
    boxes = []
    for index, text in enumerate(texts):
        try:
            boxes.append(Region.parse(text))
        except InvalidRegion as error:
            raise BadField(f"box[{index}]" if len(texts) > 1 else "box", error.rule) from error
    return boxes


def _value(name: str, texts: list[str]) -> Any:
    """Return a field's value with the type that it has in JSON; what is none is left for the model to refuse."""
    if len(texts) > 1 and name != "include":
        raise BadField(name, "is given once")
    match name:
        case "top_k" | "page" | "page_size":
            return whole_number(texts[0])
        case "max_distance":
            return decimal_number(texts[0])
        case "include":
            return ",".join(texts)
        case "filter" | "exclude_self":
            return parse_json(name, texts[0])
    return texts[0]


def shape_of(body: ShapeBody) -> Shape:
    """Return the shape that a checked body asks for."""
    size = body.page_size or DEFAULT_RESULTS
    window = (
        Window(0, body.top_k) if body.top_k else Window(((body.page or 1) - 1) * size, (body.page or 1) * size)
    )
    return Shape(
        window=window,
        include=frozenset({"metadata"} if body.include is None else body.include),
        max_distance=body.max_distance,
        partition=body.partition,
        where=body.filter,
        explain=None if body.explain == "plan" else body.explain,
        plan=body.explain == "plan",
        exclude_self=body.exclude_self,
        group_by=body.group_by,
    )


def _check_total(question: Question) -> None:
    """Check that a batch does not ask for more results than one answer holds.

    Raises:
        BadField: it does.
    """
    queries = question.searches
    if queries > 1 and queries * question.shape.window.stop > MAX_WINDOW:
        raise BadField(
            "top_k", f"a batch reads at most {MAX_WINDOW} results, queries x top_k or x page x page_size"
        )


def _check_explained(question: Question) -> None:
    """Check that what is to be explained is one result of one picture.

    Raises:
        BadField: it is not.
    """
    if question.shape.explain is None:
        return
    window = question.shape.window
    if question.is_batch or window.stop - window.start != 1:
        raise BadField("explain", "one result of one query is explained: top_k is 1, or page_size is 1")
    if question.examples is not None:
        raise BadField("explain", "examples are no picture to explain anything by")
    if question.queries[0].vector is not None:
        raise BadField("explain", "a vector has no picture to explain anything by")


def _check_vectors(question: Question) -> None:
    """Check that an answer holds no more vectors than one may.

    Raises:
        BadField: it would.
    """
    window = question.shape.window
    if "vector" in question.shape.include and question.searches * (window.stop - window.start) > MAX_VECTORS:
        raise BadField("include", f"an answer holds at most {MAX_VECTORS} vectors, queries x results")


def read_pictures(limit: int, most: int) -> NamedPictures:
    """Return the pictures of a multipart form, and what the form calls each.

    Args:
        limit: the largest picture in bytes.
        most: what all of them may take together.

    Raises:
        AtField: the body is no form, status 415.
        BadField: there are none, or there is something else.
        Busy: there is no memory for the pictures in time.
        RequestEntityTooLarge: a picture, or all of them, are too large.
    """
    expect_form(or_json=False)
    receive_files(max(most, limit))
    pictures = read_files("image", limit)
    for name in request.form:
        raise BadField(name, "a form of pictures alone is expected")
    is_one = len(pictures) == 1
    return NamedPictures(
        pictures, [QueryFields("image" if is_one else f"image[{i}]") for i in range(len(pictures))]
    )
