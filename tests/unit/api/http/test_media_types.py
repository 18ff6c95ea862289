"""What a page may send without asking is not taken for JSON, whatever it holds."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient

from imagesearch_api.app import create_app
from support.api_twin import Down, services_of

JSON_ROUTES = [
    ("POST", "/api/v2/jobs"),
    ("POST", "/api/v2/collections"),
    ("PATCH", "/api/v2/collections/cats"),
    ("POST", "/api/v2/collections/cats/reindex"),
    ("POST", "/api/v2/collections/cats/duplicates"),
    ("POST", "/api/v2/collections/cats/exports"),
    ("POST", "/api/v2/collections/cats/images/delete"),
    ("POST", "/api/v2/collections/cats/images/find"),
    ("PATCH", "/api/v2/collections/cats/images/1"),
    ("PUT", "/api/v2/aliases/pets"),
    ("POST", "/api/v2/admin/reconcile"),
]
FORM_ROUTES = ["/api/v2/collections/cats/search", "/api/v2/collections/cats/images", "/api/v2/compare"]
CHUNKED = {"Transfer-Encoding": "chunked"}
V1_ROUTES = ["train", "count", "search", "delete"]
NOT_JSON = [
    "text/plain",
    "text/plain;charset=UTF-8",
    "text/plain; application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/jsonp",
    "text/json",
    "junk",
    "",
]


@pytest.fixture
def http() -> FlaskClient:
    return create_app(services_of(catalog=Down())).test_client()


@pytest.mark.parametrize(("method", "path"), JSON_ROUTES)
@pytest.mark.parametrize("content_type", [*NOT_JSON, None])
def test_json_under_another_name_is_415(
    http: FlaskClient, method: str, path: str, content_type: str | None
) -> None:
    response = http.open(path, method=method, data=b'{"name": "cats"}', content_type=content_type)
    assert response.status_code == 415
    assert response.content_type == "application/problem+json"
    assert response.get_json()["errors"][0]["field"] == "Content-Type"


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"]
)
def test_json_under_its_name_is_read(http: FlaskClient, content_type: str) -> None:
    response = http.patch("/api/v2/collections/cats", data=b'{"name": "cats"}', content_type=content_type)
    assert response.status_code == 503


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"[" * 100_000])
def test_json_that_is_no_object_is_400(http: FlaskClient, body: bytes) -> None:
    response = http.post("/api/v2/jobs", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.get_json()["errors"][0]["field"] == "body"


@pytest.mark.parametrize("path", FORM_ROUTES)
@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "image/jpeg", None])
def test_a_picture_that_comes_without_its_form_is_415(
    http: FlaskClient, path: str, content_type: str | None
) -> None:
    for stream in ({"data": b"picture"}, {"input_stream": io.BytesIO(b"picture"), "headers": CHUNKED}):
        response = http.post(path, content_type=content_type, **stream)
        assert response.status_code == 415
        assert response.get_json()["errors"][0]["field"] == "Content-Type"


def test_an_upload_takes_no_json(http: FlaskClient) -> None:
    assert http.post("/api/v2/collections/cats/images", json={"metadata": {}}).status_code == 415


@pytest.mark.parametrize("path", FORM_ROUTES)
def test_a_form_without_a_picture_names_the_field(http: FlaskClient, path: str) -> None:
    for sent in (
        {},
        {"data": {"partition": "x"}},
        {"data": {"partition": "x"}, "content_type": "multipart/form-data"},
    ):
        assert http.post(path, **sent).status_code == 400


@pytest.mark.parametrize("route", V1_ROUTES)
@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", None])
def test_the_published_routes_take_no_body_of_another_type(
    http: FlaskClient, route: str, content_type: str | None
) -> None:
    response = http.post(f"/api/v1/{route}", data=b'{"Table": "cats"}', content_type=content_type)
    assert response.status_code == 415
    assert response.get_json()["errors"][0]["field"] == "Content-Type"


@pytest.mark.parametrize("route", ["count", "delete"])
def test_the_published_routes_take_what_they_always_took(http: FlaskClient, route: str) -> None:
    url = f"/api/v1/{route}"
    assert http.post(url).status_code == 503
    assert http.post(url, content_type="application/json").status_code == 503
    assert http.post(url, content_type="text/plain").status_code == 503
    assert http.post(url, json={"Table": "cats"}).status_code == 503
    assert http.post(url, data={"Table": "cats"}).status_code == 503
    assert http.post(url, data={"Table": "cats"}, content_type="multipart/form-data").status_code == 503
    assert http.post(url, query_string={"Table": "cats"}).status_code == 503


@pytest.mark.parametrize("body", [b'{"Table": "cats"', b"[]", b"null", b"[" * 100_000, b"\xff"])
def test_a_broken_body_never_means_the_default_table(http: FlaskClient, body: bytes) -> None:
    response = http.post("/api/v1/delete", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.get_json()["errors"][0]["field"] == "body"
