"""What a page of another site can make a reader's browser send reaches nothing of the running system."""

from __future__ import annotations

import http.client
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.system import System
from support.waiting import TIMEOUT

pytestmark = pytest.mark.e2e

EVIL = "http://evil.example"
ALLOWED = "http://localhost:8001"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def table(http: httpx.Client) -> str:
    """A collection that holds one picture."""
    name = f"t{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 201
    picture = encoded(photo_like(8000))
    assert http.post(f"/api/v2/collections/{name}/images", files={"image": picture}).status_code == 201
    return name


def count(http: httpx.Client, table: str) -> str:
    return http.post("/api/v1/count", data={"Table": table}).text


def ask(system: System, method: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> int:
    """Send exactly these headers, and return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=TIMEOUT)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:3000"])
def test_a_foreign_form_deletes_nothing(http: httpx.Client, table: str, origin: str) -> None:
    answer = http.post("/api/v1/delete", data={"Table": table}, headers={"Origin": origin})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert count(http, table) == "1"


def test_a_foreign_page_deletes_uploads_and_submits_nothing(http: httpx.Client, table: str, album: Path) -> None:
    images = f"/api/v2/collections/{table}/images"
    newest = http.get("/api/v2/jobs", params={"limit": 1}).json()["items"]
    for headers in ({"Origin": EVIL}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answers = [
            http.delete(f"/api/v2/collections/{table}", headers=headers),
            http.post(f"{images}/delete", json={"partition": ""}, headers=headers),
            http.post(images, files={"image": encoded(photo_like(8001))}, headers=headers),
            http.post("/api/v2/jobs", json={"source": str(album), "collection": table}, headers=headers),
            http.post("/api/v1/train", data={"File": str(album), "Table": table}, headers=headers),
            http.post("/nowhere", headers=headers),
        ]
        assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert count(http, table) == "1"
    assert http.get("/api/v2/jobs", params={"limit": 1}).json()["items"] == newest


@pytest.mark.parametrize("content_type", ["text/plain", FORM, None])
def test_json_under_another_type_does_nothing(http: httpx.Client, table: str, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    url = f"/api/v2/collections/{table}/images/delete"
    answer = http.post(url, content=b'{"partition": ""}', headers=headers)
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["field"] == "Content-Type"
    assert count(http, table) == "1"


def test_text_on_the_published_routes_does_nothing(http: httpx.Client, table: str) -> None:
    body = f'{{"Table": "{table}"}}'.encode()
    headers = {"Content-Type": "text/plain"}
    assert http.post("/api/v1/delete", content=body, headers=headers).status_code == 415
    assert count(http, table) == "1"


@pytest.mark.parametrize("origin", [ALLOWED, "http://127.0.0.1:8001"])
def test_the_published_client_may_delete(http: httpx.Client, table: str, origin: str) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-site"}
    answer = http.post("/api/v1/delete", data={"Table": table}, headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
    assert count(http, table) == "0"


def test_a_page_of_the_api_itself_may_delete(http: httpx.Client, system: System, table: str) -> None:
    headers = {"Origin": system.url, "Sec-Fetch-Site": "same-origin"}
    assert http.post("/api/v1/delete", data={"Table": table}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/process",
        "/api/v2/openapi.json",
        "/api/v2/collections",
        "/api/v2/images/1/file",
        "/api/v2/images/1/thumbnail",
        "/nowhere",
    ],
)
def test_a_rebound_name_reads_nothing(system: System, path: str) -> None:
    assert ask(system, "GET", path, ("Host", f"evil.example:{system.port}")) == 421


def test_a_rebound_name_deletes_nothing(system: System, http: httpx.Client, table: str) -> None:
    host = f"evil.example:{system.port}"
    body = f"Table={table}".encode()
    kind = ("Content-Type", FORM)
    rebound = (("Host", host), ("Origin", f"http://{host}"), ("Sec-Fetch-Site", "same-origin"))
    assert ask(system, "POST", "/api/v1/delete", *rebound, kind, body=body) == 421
    forwarded = ("X-Forwarded-Host", f"localhost:{system.port}")
    assert ask(system, "POST", "/api/v1/delete", *rebound, forwarded, kind, body=body) == 421
    assert count(http, table) == "1"


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("",),
        ("localhost", "evil.example"),
        ("evil.example", "localhost"),
        ("localhost,evil.example",),
        ("localhost.evil.example",),
        ("localhost:",),
        ("0.0.0.0",),  # noqa: S104 - a host to ask, not to listen on
    ],
)
def test_a_host_that_is_missing_doubled_or_malformed_reaches_nothing(
    system: System, hosts: tuple[str, ...]
) -> None:
    assert ask(system, "GET", "/healthz", *(("Host", host) for host in hosts)) in (400, 421)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "pics.localhost", "127.0.0.1", "127.1.2.3", "[::1]:80"]
)
def test_loopback_names_are_answered(system: System, host: str) -> None:
    assert ask(system, "GET", "/healthz", ("Host", host)) == 200
