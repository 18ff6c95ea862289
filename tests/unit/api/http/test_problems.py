"""Wrong fields are answered with their rules in words."""

from __future__ import annotations

import errno

import pytest
from flask import Flask
from flask.testing import FlaskClient

from imagesearch.errors import Shortage, StoreFull
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.problems import register
from imagesearch_api.models.requests.base import NAME_RULE
from imagesearch_api.models.requests.jobs import JobBody
from imagesearch_api.models.responses.images import Deletion


@pytest.fixture
def http() -> FlaskClient:
    """An API with one route, that takes what a job is submitted with."""
    app = Flask(__name__)
    register(app)

    @app.post("/jobs")
    def submit() -> dict[str, str]:
        return {"collection": read_json(JobBody).collection}

    return app.test_client()


@pytest.mark.parametrize("name", ["no/slash", "", ".hidden", "-x", "x" * 101, "ä", "a\n", "a b"])
def test_a_wrong_collection_name_is_answered_with_the_rule_in_words(http: FlaskClient, name: str) -> None:
    response = http.post("/jobs", json={"source": "/photos", "collection": name})
    assert response.status_code == 400
    assert response.get_json()["errors"] == [{"field": "collection", "rule": NAME_RULE}]
    assert response.get_json()["detail"] == f"collection: {NAME_RULE}"


@pytest.mark.parametrize("name", ["a", "_x", "Cats.2024-05", "9", "x" * 100])
def test_a_plain_collection_name_is_taken(http: FlaskClient, name: str) -> None:
    assert http.post("/jobs", json={"source": "/photos", "collection": name}).get_json() == {"collection": name}


def test_the_schema_still_tells_machines_the_rule() -> None:
    assert (
        JobBody.model_json_schema()["properties"]["collection"]["pattern"] == "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"
    )


def test_halves_of_characters_are_refused_in_words(http: FlaskClient) -> None:
    response = http.post("/jobs", data=b'{"source": "/photos", "\\ud800": 1}', content_type="application/json")
    assert response.status_code == 400
    assert response.get_json()["errors"]


def test_an_answer_that_breaks_its_own_model_is_our_mistake(http: FlaskClient) -> None:
    @http.application.get("/broken")
    def broken() -> str:
        return Deletion.model_validate({}).to_json()

    assert http.get("/broken").status_code == 500


@pytest.mark.parametrize(
    "error",
    [
        StoreFull("redis", Shortage.MEMORY, "as maxmemory is reached"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_what_finds_no_room_is_asked_to_come_again(http: FlaskClient, error: Exception) -> None:
    @http.application.get("/full")
    def full() -> str:
        raise error

    response = http.get("/full")
    assert (response.status_code, response.get_json()["code"]) == (503, "no_room")
    assert int(response.headers["Retry-After"]) > 0
    assert "has no room" in response.get_json()["detail"]


def test_other_errors_of_the_system_are_our_mistake(http: FlaskClient) -> None:
    @http.application.get("/forbidden")
    def forbidden() -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    assert http.get("/forbidden").status_code == 500
