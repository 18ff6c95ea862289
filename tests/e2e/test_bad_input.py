"""What comes from outside is checked at the edge: a clear status, a named field, no job, no worker touched."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.waiting import TIMEOUT

pytestmark = pytest.mark.e2e

UNKNOWN_JOB = "00000000-0000-0000-0000-000000000000"


def jobs_known(http: httpx.Client) -> str | None:
    items = http.get("/api/v2/jobs", params={"limit": 1}).json()["items"]
    return items[0]["id"] if items else None


@pytest.fixture(scope="session")
def link(library: Path) -> Path:
    path = library / "way-out"
    path.symlink_to("/etc")
    return path


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("/etc", 403),
        ("{library}/way-out", 403),
        ("{library}/../", 403),
        ("{library}/nothing-here", 404),
        ("{album}/first/picture 00.jpg", 400),
        ("", 400),
        ("relative/path", 400),
        ("nul\x00byte", 400),
        (17, 400),
        (None, 400),
        ([], 400),
        ({"paths": []}, 400),
        ({"paths": ["/x", 5]}, 400),
        ({"paths": "/x"}, 400),
        ({"files": ["/x"]}, 400),
    ],
)
def test_a_source_that_cannot_be_read_makes_no_job(
    http: httpx.Client, album: Path, link: Path, source: Any, status: int
) -> None:
    before = jobs_known(http)
    if isinstance(source, str):
        source = source.format(library=link.parent, album=album)
    response = http.post("/api/v2/jobs", json={"source": source})
    assert response.status_code in ((403, 400) if source == "relative/path" else (status,)), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert any(error["field"].startswith("source") for error in response.json()["errors"])
    assert jobs_known(http) == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"collection": "no/slash"}, "collection"),
        ({"collection": 5}, "collection"),
        ({"recursive": "yes"}, "recursive"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"a": 10**30}}, "metadata"),
        ({"partition": "x" * 1000}, "partition"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_field_is_named(http: httpx.Client, album: Path, change: dict[str, object], field: str) -> None:
    response = http.post("/api/v2/jobs", json={"source": str(album), **change})
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_400(http: httpx.Client, body: bytes) -> None:
    response = http.post("/api/v2/jobs", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400


@pytest.fixture(scope="session")
def indexed(system: Any, album: Path) -> str:
    with httpx.Client(base_url=system.url, timeout=TIMEOUT) as http:
        assert http.post("/api/v2/collections", json={"name": "edge"}).status_code == 201
    return "edge"


def bomb() -> bytes:
    """Return a small PNG that claims 20,000 x 20,000 pixels."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    framed = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + framed


@pytest.mark.parametrize(
    ("picture", "status"),
    [
        (b"", 400),
        (b"this is text", 415),
        (encoded(photo_like(1))[:700], 400),
        (bomb(), 413),
        (b"\0" * (16 * 1024 * 1024 + 1), 413),
        (b"\0" * (40 * 1024 * 1024), 413),
    ],
)
def test_a_picture_that_cannot_be_used_is_refused_with_the_reason(
    http: httpx.Client, indexed: str, picture: bytes, status: int
) -> None:
    response = http.post(f"/api/v2/collections/{indexed}/search", files={"image": picture})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]


@pytest.mark.parametrize("top_k", ["0", "-1", "16385", "ten", "1.5", "1e2", "", "٣", "9" * 5000])
def test_a_bad_number_is_400_and_names_its_field(http: httpx.Client, indexed: str, top_k: str) -> None:
    response = http.post(
        f"/api/v2/collections/{indexed}/search",
        files={"image": encoded(photo_like(1))},
        data={"top_k": top_k},
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "top_k"


def test_a_search_without_a_file_names_the_field(http: httpx.Client, indexed: str) -> None:
    response = http.post(f"/api/v2/collections/{indexed}/search", data={"top_k": "3"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "image"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/collections/nothing"),
        ("DELETE", "/api/v2/collections/nothing"),
        ("GET", "/api/v2/collections/nothing/images/1"),
        ("GET", "/api/v2/collections/edge/images/999999999"),
        ("DELETE", "/api/v2/collections/edge/images/999999999"),
        ("GET", "/api/v2/images/999999999/file"),
        ("GET", "/api/v2/images/99999999999999999999999/file"),
        ("GET", f"/api/v2/jobs/{UNKNOWN_JOB}"),
        ("GET", "/api/v2/jobs/not-a-job"),
        ("GET", f"/api/v2/jobs/{UNKNOWN_JOB}/failures"),
        ("POST", f"/api/v2/jobs/{UNKNOWN_JOB}/cancel"),
        ("GET", "/api/v2/images/..%2F..%2Fetc%2Fpasswd/file"),
        ("GET", "/nothing"),
    ],
)
def test_what_is_unknown_is_404(http: httpx.Client, indexed: str, method: str, path: str) -> None:
    response = http.request(method, path)
    assert response.status_code == 404, response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_a_search_in_an_unknown_collection_is_404(http: httpx.Client) -> None:
    response = http.post("/api/v2/collections/nothing/search", files={"image": encoded(photo_like(1))})
    assert response.status_code == 404


@pytest.mark.parametrize(("name", "status"), [("edge", 409), ("a/b", 400), ("", 400), ("x" * 101, 400)])
def test_a_collection_needs_a_free_and_plain_name(
    http: httpx.Client, indexed: str, name: str, status: int
) -> None:
    assert http.post("/api/v2/collections", json={"name": name}).status_code == status


def test_a_wrong_method_is_405_and_says_which_are_right(http: httpx.Client) -> None:
    response = http.put("/api/v2/jobs")
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]
