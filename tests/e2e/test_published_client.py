"""The published web client against /api/v1: a client that does, call by call, what its code does."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from support.drawing import encoded, photo_like

pytestmark = pytest.mark.e2e

ORIGIN = "http://localhost:8001"


class PublishedClient:
    """Parse, poll and stop as the client does: one request a second until two numbers are equal."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def train(self, directory: Path, table: str) -> bool:
        body = {"File": str(directory), "Table": table}
        return self._ok(self._http.post("/api/v1/train", json=body)) is not None

    def process(self) -> tuple[float, float]:
        """Do what ``text.split(",").map(x => parseInt(x.split(":")[1]))`` does, and take the first two."""
        response = self._http.get("/api/v1/process", headers={"Origin": ORIGIN})
        assert response.status_code == 200
        numbers = [_parse_int(part.split(":")[1]) for part in response.text.split(",")]
        return numbers[0], numbers[1]

    def poll(self, *, limit: int = 120) -> list[tuple[float, float]]:
        """Ask once a second, from one second after train, until current === total."""
        seen = []
        for _ in range(limit):
            time.sleep(1)  # the published client's own period
            seen.append(self.process())
            if seen[-1][0] == seen[-1][1]:
                return seen
        raise AssertionError(f"the overlay would still be up: {seen[-3:]}")

    def count(self, table: str | None = None) -> str | None:
        if table is None:
            return self._ok(self._http.post("/api/v1/count"))
        return self._ok(self._http.post("/api/v1/count", data={"Table": table}))

    def search(self, picture: bytes, number: int, table: str) -> list[list[str | float]]:
        response = self._http.post(
            "/api/v1/search",
            files={"file": ("blob", picture)},
            data={"Num": str(number), "Table": table},
            headers={"Origin": ORIGIN},
        )
        assert response.status_code == 200, response.text
        found = response.json()
        assert isinstance(found, list)
        return found

    def delete(self, table: str) -> str | None:
        return self._ok(self._http.post("/api/v1/delete", data={"Table": table}))

    @staticmethod
    def _ok(response: httpx.Response) -> str | None:
        # The client looks for 200 and ignores everything else, 202 and 204 included.
        return response.text if response.status_code == 200 else None


def _parse_int(text: str) -> float:
    """Read a number as JavaScript's parseInt does: leading digits, NaN without any."""
    found = re.match(r"\s*[+-]?\d+", text)
    return int(found.group()) if found else math.nan


@pytest.fixture
def published(http: httpx.Client) -> PublishedClient:
    return PublishedClient(http)


@pytest.fixture
def table() -> str:
    return f"t{uuid4().hex[:12]}"


def test_a_directory_is_loaded_polled_to_its_end_counted_searched_and_deleted(
    published: PublishedClient, http: httpx.Client, album: Path, table: str
) -> None:
    assert published.train(album, table)
    at_once = published.process()
    assert at_once[0] != at_once[1], "the overlay would close before the work began"
    seen = published.poll()
    assert seen[-1] == (40, 40)
    assert [current for current, _ in seen] == sorted(current for current, _ in seen)
    assert published.count(table) == "40"
    shown = http.get(f"/api/v2/collections/{table}").json()
    assert (shown["pipeline"], shown["model"].split(":")[0]) == ("published", "vgg16-max-512")

    query = album / "second" / "picture 21.JPG"
    found = published.search(query.read_bytes(), 10, table)
    assert len(found) == 10
    urls = [url for url, _ in found]
    assert len(set(urls)) == 10
    distances = [distance for _, distance in found]
    assert distances == sorted(distances)
    assert all(isinstance(distance, float | int) and 0 <= distance <= 1 for distance in distances)
    assert distances[0] < 0.001
    # The URL goes straight into <img src>.
    picture = httpx.get(str(urls[0]))
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content == query.read_bytes()

    assert published.delete(table)
    assert published.count(table) == "0"
    assert published.search(query.read_bytes(), 10, table) == []


def test_an_empty_directory_ends_with_zero_and_zero(published: PublishedClient, library: Path, table: str) -> None:
    empty = library / f"empty-{table}"
    empty.mkdir()
    assert published.train(empty, table)
    assert published.poll()[-1] == (0, 0)


def test_bad_files_count_as_done_and_never_stop_the_progress(
    published: PublishedClient, library: Path, table: str
) -> None:
    folder = library / f"mixed-{table}"
    folder.mkdir()
    (folder / "good.jpg").write_bytes(encoded(photo_like(900)))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("this is not a picture")
    assert published.train(folder, table)
    assert published.poll()[-1] == (3, 3)
    assert published.count(table) == "1"


@pytest.mark.parametrize("directory", ["/etc", "/", "..", "", "relative", "/nowhere/at/all"])
def test_a_directory_that_may_not_be_read_is_refused(
    published: PublishedClient, directory: str, table: str
) -> None:
    assert not published.train(Path(directory), table)


def test_form_fields_and_the_query_name_the_directory_as_well_as_json(
    http: httpx.Client, library: Path, table: str
) -> None:
    empty = library / f"forms-{table}"
    empty.mkdir()
    assert http.post("/api/v1/train", data={"File": str(empty), "Table": table}).status_code == 200
    assert http.post("/api/v1/train", params={"File": str(empty), "Table": table}).status_code == 200


@pytest.mark.parametrize(
    ("parts", "fields"),
    [
        ({}, {"Num": "5"}),
        ({"file": ("blob", b"")}, {"Num": "5"}),
        ({"file": ("blob", b"no picture at all")}, {"Num": "5"}),
        ({"file": ("blob", encoded(photo_like(1)))}, {"Num": "0"}),
        ({"file": ("blob", encoded(photo_like(1)))}, {"Num": "many"}),
        ({"file": ("blob", encoded(photo_like(1)))}, {"Num": "1e3"}),
    ],
)
def test_a_bad_search_is_400_and_never_an_array_with_200(
    http: httpx.Client, parts: dict[str, tuple[str, bytes]], fields: dict[str, str]
) -> None:
    response = http.post("/api/v1/search", files=parts or None, data=fields)
    assert response.status_code == 400, response.text


def test_a_table_that_does_not_exist_counts_zero(published: PublishedClient) -> None:
    assert published.count(f"none{uuid4().hex}") == "0"


def test_another_origin_may_call_every_route_without_a_redirect(http: httpx.Client) -> None:
    for path in ("train", "process", "count", "search", "delete"):
        method = "GET" if path == "process" else "POST"
        preflight = http.options(
            f"/api/v1/{path}",
            headers={
                "Origin": ORIGIN,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
    answered = http.get("/api/v1/process/", headers={"Origin": ORIGIN}, follow_redirects=False)
    assert answered.status_code == 200
    assert answered.headers["access-control-allow-origin"] == ORIGIN
