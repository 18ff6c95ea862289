"""Bodies that are built to be expensive are answered with a 4xx, in about the time that they take to read."""

from __future__ import annotations

import io

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from pydantic import ValidationError

from imagesearch_api.http.bodies import parse_json, read_json
from imagesearch_api.http.fields import BadField
from imagesearch_api.http.problems import register
from imagesearch_api.models.requests.jobs import JobBody, PathList
from imagesearch_api.models.requests.search import SearchBody

JSON = "application/json"


@pytest.fixture
def http() -> FlaskClient:
    """An API that takes what a job, a search and a form are submitted with."""
    app = Flask(__name__)
    register(app)

    @app.post("/jobs")
    def submit() -> dict[str, str]:
        return {"collection": read_json(JobBody).collection}

    @app.post("/search")
    def search() -> dict[str, int | None]:
        return {"top_k": read_json(SearchBody).top_k}

    @app.post("/form")
    def form() -> dict[str, int]:
        return {"files": len(request.files)}

    return app.test_client()


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize("depth", [40, 900, 100_000])
def test_metadata_may_not_be_nested_beyond_reason(http: FlaskClient, depth: int) -> None:
    response = http.post(
        "/jobs", content_type=JSON, data='{"source": "/photos", "metadata": ' + nested(depth) + "}"
    )
    assert response.status_code == 400
    assert len(response.data) < 2_000


@pytest.mark.parametrize("depth", [17, 400, 100_000])
def test_a_filter_may_not_be_nested_beyond_reason(http: FlaskClient, depth: int) -> None:
    text = '{"not":' * depth + '{"exists": "a"}' + "}" * depth
    assert (
        http.post("/search", content_type=JSON, data='{"image_id": 1, "filter": ' + text + "}").status_code == 400
    )


@pytest.mark.parametrize("number", ["1" * 1_000_000, "1e" + "9" * 100_000])
@pytest.mark.parametrize("field", ["top_k", "image_id", "max_distance"])
def test_a_number_of_a_million_digits_is_no_number(http: FlaskClient, field: str, number: str) -> None:
    response = http.post("/search", content_type=JSON, data='{"image_id": 1, "' + field + '": ' + number + "}")
    assert response.status_code == 400
    assert len(response.data) < 2_000


@pytest.mark.parametrize("body", ["paths", "include", "fields"])
def test_one_error_stands_for_very_many(body: str) -> None:
    model, raw = {
        "paths": (PathList, {"paths": [0] * 10_000}),
        "include": (SearchBody, {"image_id": 1, "include": ["x"] * 10_000}),
        "fields": (SearchBody, {str(number): 1 for number in range(10_000)}),
    }[body]
    with pytest.raises(ValidationError) as caught:
        model.model_validate(raw)
    assert caught.value.error_count() == 1


# Werkzeug leaves the parts that it has read to the garbage collector; they are small ones, held in memory.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["", "; filename=a.jpg"])
def test_a_form_of_a_hundred_thousand_parts_is_too_large(http: FlaskClient, name: str) -> None:
    part = f"--x\r\nContent-Disposition: form-data; name=a{name}\r\n\r\n1\r\n".encode()
    body = io.BytesIO(part * 100_000 + b"--x--\r\n")
    response = http.post("/form", data=body, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 413


def test_a_form_field_may_not_be_nested_beyond_reason() -> None:
    with pytest.raises(BadField, match="filter"):
        parse_json("filter", "[" * 100_000)
