"""Read a search out of a request: JSON, or a multipart form with pictures."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from imagesearch.pictures.regions import InvalidRegion, Region
from imagesearch_api.http.problems import BadField
from imagesearch_api.models.requests import FRAMING_BYTES, expect_form, hold_files, read_json
from imagesearch_api.models.search import (
    MAX_QUERIES,
    Query,
    Question,
    SearchBody,
    ShapeBody,
    check_total,
    questions_in_json,
    shape_of,
)
from imagesearch_api.settings import ApiSettings

_WHOLE = re.compile(r"-?\d{1,20}")
_DECIMAL = re.compile(r"-?\d{1,20}(\.\d{1,40})?([eE]-?\d{1,3})?")


def read_question(settings: ApiSettings) -> Question:
    """Return what the current request searches by.

    Raises:
        AtField: the body is neither JSON nor a form, status 415.
        BadField, ValidationError, InvalidFilter: a field breaks its rule.
        Busy: there is no memory for the pictures in time.
        RequestEntityTooLarge: a picture, or all of them, are too large.
    """
    if request.is_json:
        question = questions_in_json(read_json(SearchBody))
    else:
        expect_form(or_json=True)
        request.max_content_length = max(settings.max_body_bytes, settings.max_upload_bytes) + FRAMING_BYTES
        question = _question_in_form(settings.max_upload_bytes)
    check_total(question.queries, question.shape.window)
    return question


def _question_in_form(limit: int) -> Question:
    hold_files()
    pictures = read_pictures("image", limit)
    fields = {name: request.values.getlist(name) for name in request.values if name != "box"}
    body = ShapeBody.model_validate({name: _value(name, texts) for name, texts in fields.items()})
    boxes = _boxes(len(pictures))
    is_batch = len(pictures) > 1
    queries = [
        Query(
            field=f"image[{index}]" if is_batch else "image",
            box_field=f"box[{index}]" if len(boxes) > 1 else "box",
            data=data,
            box=boxes[index if len(boxes) > 1 else 0] if boxes else None,
        )
        for index, data in enumerate(pictures)
    ]
    return Question(queries, shape_of(body), is_batch)


def read_pictures(name: str, limit: int) -> list[bytes]:
    """Return the bytes of the uploaded files of one name, at least one.

    Raises:
        BadField: there is no such part, there are too many, or one is empty.
        RequestEntityTooLarge: one is larger than `limit` bytes.
    """
    parts = request.files.getlist(name)
    if not parts:
        raise BadField(name, "a file part of a multipart/form-data body is expected, or a JSON body")
    if len(parts) > MAX_QUERIES:
        raise BadField(name, f"at most {MAX_QUERIES} pictures are searched by at once")
    pictures = []
    for index, part in enumerate(parts):
        data = part.stream.read(limit + 1)
        if len(data) > limit:
            raise RequestEntityTooLarge
        if not data:
            raise BadField(f"{name}[{index}]" if len(parts) > 1 else name, "the file is empty")
        pictures.append(data)
    return pictures


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
    text = texts[0]
    match name:
        # int() and float() also take '1_0' and other scripts' digits: neither is meant.
        case "top_k" | "page" | "page_size":
            return int(text) if text.isascii() and _WHOLE.fullmatch(text) else text
        case "max_distance":
            return float(text) if text.isascii() and _DECIMAL.fullmatch(text) else text
        case "include":
            return ",".join(texts)
        case "filter":
            return parse_json(name, text)
    return text


def parse_json(name: str, text: str) -> Any:
    """Return the JSON in a field.

    Raises:
        BadField: it is none, or nested beyond reason.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadField(name, "JSON is expected") from error
