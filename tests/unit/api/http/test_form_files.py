"""Files of forms: as many as are meant, none empty, none too large, and named where they are wrong."""

from __future__ import annotations

from io import BytesIO

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from imagesearch_api.http.form_files import read_file, read_files
from imagesearch_api.http.problems import register
from imagesearch_api.limits import MAX_QUERIES

LIMIT = 5


@pytest.fixture
def http() -> FlaskClient:
    app = Flask(__name__)
    register(app)

    @app.post("/many")
    def many() -> ResponseReturnValue:
        return jsonify([data.decode() for data in read_files("image", LIMIT)])

    @app.post("/one")
    def one() -> ResponseReturnValue:
        return jsonify(read_file("image", LIMIT, or_json=False).decode())

    return app.test_client()


def post(http: FlaskClient, path: str, *files: bytes) -> tuple[int, object]:
    """Send files, and return the status with the answer or the field that is wrong."""
    response = http.post(path, data={"image": [(BytesIO(data), "a.jpg") for data in files]})
    body = response.get_json()
    return response.status_code, body["errors"][0]["field"] if "errors" in body else body


def test_each_file_of_a_name_is_read(http: FlaskClient) -> None:
    assert post(http, "/many", b"a", b"bcdef") == (200, ["a", "bcdef"])
    assert post(http, "/one", b"bcdef") == (200, "bcdef")


@pytest.mark.parametrize("path", ["/one", "/many"])
def test_what_is_missing_or_empty_is_named(http: FlaskClient, path: str) -> None:
    assert post(http, path) == (400, "image")
    assert post(http, path, b"") == (400, "image")


def test_the_empty_one_of_several_is_told_by_its_place(http: FlaskClient) -> None:
    assert post(http, "/many", b"a", b"") == (400, "image[1]")


def test_several_are_refused_where_one_is_meant_and_too_many_anywhere(http: FlaskClient) -> None:
    assert post(http, "/one", b"a", b"b") == (400, "image")
    assert post(http, "/many", *[b"a"] * (MAX_QUERIES + 1)) == (400, "image")


@pytest.mark.parametrize("path", ["/one", "/many"])
def test_a_file_beyond_the_limit_is_413(http: FlaskClient, path: str) -> None:
    assert post(http, path, b"abcdef")[0] == 413


def test_json_is_offered_only_where_it_is_taken(http: FlaskClient) -> None:
    rules = [http.post(path).get_json()["errors"][0]["rule"] for path in ("/many", "/one")]
    assert ["JSON" in rule for rule in rules] == [True, False]
