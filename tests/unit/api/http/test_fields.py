"""Use cases say what is wrong with which query; the edge says what the request calls it, and with which status."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from flask import Flask

from imagesearch.errors import Conflict, ConflictCode, ImageSearchError, NotFound, PictureRejected, UrlRefused
from imagesearch.failures import FailureCode
from imagesearch.pictures.regions import InvalidRegion
from imagesearch.pipeline import PipelineRejected
from imagesearch_api.errors import (
    IndexRejected,
    MetadataRejected,
    NoSuchPartition,
    NoSuchPath,
    QueryRejected,
)
from imagesearch_api.http.fields import QueryFields, naming_picture, naming_queries
from imagesearch_api.http.problems import register

NAMES = [QueryFields("a", "box[0]"), QueryFields("queries[1].image_id", "queries[1].box")]
Naming = Callable[[], AbstractContextManager[None]]


def answered(error: ImageSearchError, naming: Naming = nullcontext) -> tuple[int, list[dict[str, str]]]:
    """Return the status and the wrong fields that an error is answered with."""
    app = Flask(__name__)
    register(app)

    @app.get("/")
    def view() -> str:
        with naming():
            raise error

    response = app.test_client().get("/")
    body: dict[str, Any] = response.get_json()
    return response.status_code, body.get("errors", [])


@pytest.mark.parametrize(
    ("cause", "status", "field"),
    [
        (NotFound("no image"), 404, "queries[1].image_id"),
        (PictureRejected(FailureCode.TRUNCATED, "no image"), 400, "queries[1].image_id"),
        (PictureRejected(FailureCode.TOO_LARGE, "no image"), 413, "queries[1].image_id"),
        (PictureRejected(FailureCode.UNSUPPORTED_FORMAT, "no image"), 415, "queries[1].image_id"),
        (UrlRefused("no image"), 400, "queries[1].image_id"),
        (InvalidRegion("no image"), 400, "queries[1].box"),
    ],
)
def test_what_is_wrong_with_a_query_stands_at_its_field(cause: Any, status: int, field: str) -> None:
    found = answered(QueryRejected(1, cause), lambda: naming_queries(NAMES))
    assert found == (status, [{"field": field, "rule": "no image"}])


@pytest.mark.parametrize(
    ("error", "status", "field"),
    [
        (NoSuchPartition("wrong"), 404, "partition"),
        (NoSuchPath("wrong"), 404, "path"),
        (MetadataRejected("wrong"), 400, "metadata"),
        (PipelineRejected("wrong"), 400, "preprocessing"),
        (IndexRejected("index_type", "wrong"), 400, "index_type"),
        (IndexRejected("index_params", "wrong"), 400, "index_params"),
    ],
)
def test_what_only_one_field_can_ask_for_stands_at_that_one(
    error: ImageSearchError, status: int, field: str
) -> None:
    assert answered(error) == (status, [{"field": field, "rule": "wrong"}])


def test_only_the_picture_of_an_upload_stands_at_its_field() -> None:
    def naming() -> AbstractContextManager[None]:
        return naming_picture("image")

    rejected = PictureRejected(FailureCode.EMPTY, "empty")
    assert answered(rejected, naming) == (400, [{"field": "image", "rule": "empty"}])
    assert answered(NotFound("no collection"), naming) == (404, [])
    assert answered(Conflict("moved", ConflictCode.JOB_STATE), naming) == (409, [])


def test_a_query_that_nobody_named_is_our_mistake() -> None:
    assert answered(QueryRejected(0, NotFound("no image"))) == (500, [])
