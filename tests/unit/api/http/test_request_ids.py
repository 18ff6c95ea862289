"""Each answer names its request, refusals and failures as well."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from imagesearch import request_id
from imagesearch_api.app import create_app
from imagesearch_api.settings import ApiSettings
from support.api_twin import services_of


@pytest.fixture
def http() -> FlaskClient:
    return create_app(services_of(ApiSettings(cors_origins=("https://shop.example",)))).test_client()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/healthz", {}, 200),
        ("/nowhere", {}, 404),
        ("/healthz", {"Host": "evil.example"}, 421),
        ("/api/v2/openapi.json", {"Origin": "https://shop.example"}, 200),
    ],
)
def test_an_answer_has_the_id_of_its_request(
    http: FlaskClient, path: str, headers: dict[str, str], status: int
) -> None:
    response = http.get(path, headers={**headers, "X-Request-ID": "order-7"})
    assert (response.status_code, response.headers["X-Request-ID"]) == (status, "order-7")
    assert request_id.headers() == {}


def test_an_id_that_would_forge_lines_of_log_is_replaced(http: FlaskClient) -> None:
    assert len(http.get("/healthz", headers={"X-Request-ID": 'a" level="info'}).headers["X-Request-ID"]) == 32


def test_pages_of_allowed_origins_may_read_it(http: FlaskClient) -> None:
    response = http.get("/api/v2/openapi.json", headers={"Origin": "https://shop.example"})
    assert "X-Request-ID" in response.headers["Access-Control-Expose-Headers"]
