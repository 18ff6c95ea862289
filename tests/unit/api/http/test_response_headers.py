"""Every answer tells browsers that it is what it says, runs nothing and stands in no frame."""

from __future__ import annotations

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from imagesearch_api.app import create_app
from imagesearch_api.http.response_headers import HEADERS, protect
from imagesearch_api.page.routes import POLICY
from imagesearch_api.settings import ApiSettings
from support.api_twin import services_of

LOOPBACK = {"Host": "localhost"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(services_of(ApiSettings()))


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/healthz", LOOPBACK, 200),
        ("/api/v2/openapi.json", LOOPBACK, 200),
        ("/api/v2/jobs?limit=x", LOOPBACK, 400),
        ("/api/v2/nowhere", LOOPBACK, 404),
        ("/nowhere", LOOPBACK, 404),
        ("/healthz", {"Host": "evil.example"}, 421),
    ],
)
def test_an_answer_has_each_of_them(http: FlaskClient, path: str, headers: dict[str, str], status: int) -> None:
    response = http.get(path, headers=headers)
    assert response.status_code == status
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("path", ["/api/v2/nowhere", "/api/v1/nowhere", "/api/v2/jobs?limit=x"])
def test_what_says_nothing_of_caches_is_stored_in_none(http: FlaskClient, path: str) -> None:
    assert http.get(path, headers=LOOPBACK).headers["Cache-Control"] == "no-store"


def test_the_page_keeps_its_own(http: FlaskClient) -> None:
    response = http.get("/", headers=LOOPBACK)
    assert response.headers.getlist("Content-Security-Policy") == [POLICY]
    assert response.headers["Cache-Control"] == "no-cache"


def test_a_route_may_say_otherwise() -> None:
    app = Flask(__name__)
    protect(app)

    @app.get("/api/picture")
    def picture() -> Response:
        return Response(b"", headers={"Cache-Control": "private, max-age=60", "Referrer-Policy": "same-origin"})

    response = app.test_client().get("/api/picture")
    assert response.headers["Cache-Control"] == "private, max-age=60"
    assert response.headers["Referrer-Policy"] == "same-origin"
