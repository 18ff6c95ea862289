"""Bodies lie on the disk until they are whole; what stays in memory is small."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from imagesearch_api.http import bodies, json_values, spooling
from imagesearch_api.http.bodies import (
    JSON_FACTOR,
    LONG_JSON_BYTES,
    MAX_LONG_JSON_VALUES,
    VALUE_BYTES,
    read_object,
)
from imagesearch_api.http.problems import register
from imagesearch_api.http.request_resources import Holding
from imagesearch_api.http.spooling import MAX_FIELD_BYTES, MAX_PARTS, MAX_URLENCODED_BYTES

MANY_BYTES = 16 * LONG_JSON_BYTES
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def http() -> FlaskClient:
    app = Flask(__name__)
    register(app)
    spooling.adopt(app)
    app.wsgi_app = Holding(app.wsgi_app)  # type: ignore[method-assign]

    @app.post("/form")
    def form() -> dict[str, Any]:
        found = [os.fstat(part.stream.fileno()) for part in request.files.values()]
        linked = [one.st_nlink for one in found if stat.S_ISREG(one.st_mode)]
        return {"linked": linked, "sizes": [one.st_size for one in found], "fields": len(request.form)}

    @app.post("/object")
    def read() -> dict[str, int]:
        return {"fields": len(read_object())}

    return app.test_client()


def test_files_of_any_size_lie_on_the_disk_and_have_no_name(http: FlaskClient) -> None:
    sizes = [0, 1, 490_000]
    parts = {f"image{size}": (BytesIO(b"x" * size), "x.jpg") for size in sizes}
    assert http.post("/form", data=parts).json == {"linked": [0] * 3, "sizes": sizes, "fields": 0}


@pytest.mark.parametrize(("parts", "status"), [(MAX_PARTS, 200), (MAX_PARTS + 1, 413)])
@pytest.mark.parametrize("kind", ["multipart/form-data", FORM])
def test_a_form_has_a_bounded_number_of_parts(http: FlaskClient, kind: str, parts: int, status: int) -> None:
    data = {f"f{number}": "x" for number in range(parts)}
    assert http.post("/form", data=data, content_type=kind).status_code == status


def test_a_form_of_too_many_files_leaves_none_open(http: FlaskClient) -> None:
    parts = {f"f{number}": (BytesIO(b"x"), "x.jpg") for number in range(MAX_PARTS + 1)}
    before = psutil.Process().num_fds()
    assert http.post("/form", data=parts).status_code == 413
    assert psutil.Process().num_fds() <= before + 1


@pytest.mark.parametrize(
    ("kind", "size"), [("multipart/form-data", MAX_FIELD_BYTES), (FORM, MAX_URLENCODED_BYTES - len("name="))]
)
def test_what_stays_in_memory_of_a_form_is_small(http: FlaskClient, kind: str, size: int) -> None:
    for extra, status in ((0, 200), (1, 413)):
        data = {"name": "x" * (size + extra)}
        assert http.post("/form", data=data, content_type=kind).status_code == status


class Line:
    """A budget that notes what was read of a body when it was asked for memory."""

    def __init__(self, largest_read: list[int]) -> None:
        self._largest_read = largest_read
        self.asked: list[tuple[int, int]] = []

    @contextmanager
    def reserved(self, cost: int) -> Iterator[None]:
        self.asked.append((cost, max(self._largest_read)))
        yield


class Watched:
    """A body that notes how much of it was read at once."""

    def __init__(self, data: bytes, largest: list[int]) -> None:
        self._data = BytesIO(data)
        self._largest = largest

    def read(self, size: int = -1) -> bytes:
        data = self._data.read(size)
        self._largest.append(len(data))
        return data


class WatchedFile(BytesIO):
    """A file that notes how much of it was read at once."""

    largest: list[int]

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.largest.append(len(data))
        return data


@pytest.mark.parametrize("told", [True, False])
def test_long_json_has_memory_reserved_before_it_is_read(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    largest: list[int] = []
    line = Line(largest)
    monkeypatch.setattr(WatchedFile, "largest", largest, raising=False)
    monkeypatch.setattr(spooling, "TemporaryFile", WatchedFile)
    monkeypatch.setattr(bodies, "bounds", lambda: SimpleNamespace(memory=SimpleNamespace(files=line)))
    data = json.dumps({"text": "x" * MANY_BYTES}).encode()
    length = {"CONTENT_LENGTH": str(len(data))} if told else {"wsgi.input_terminated": True}
    environ = {"wsgi.input": Watched(data, largest), **length}
    answer = http.post("/object", content_type="application/json", environ_overrides=environ)
    assert answer.json == {"fields": 1}
    [(cost, most_read)] = line.asked
    assert cost == JSON_FACTOR * len(data) + VALUE_BYTES
    assert most_read <= max(spooling.PIECE_BYTES, json_values.PIECE_BYTES)
    assert max(largest) == len(data)


@pytest.mark.parametrize("values", ["{},", '"",', "1,", "[[],"])
def test_long_json_of_more_values_than_any_list_has_is_refused_unread(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch, values: str
) -> None:
    monkeypatch.setattr(bodies, "bounds", lambda: pytest.fail("no memory is asked for"))
    monkeypatch.setattr(bodies, "_parsed", lambda data: pytest.fail("nothing is read"))
    count = max(MAX_LONG_JSON_VALUES, LONG_JSON_BYTES // len(values))
    answer = http.post("/object", content_type="application/json", data='{"a":[' + values * count)
    assert answer.status_code == 400
    assert str(MAX_LONG_JSON_VALUES) in answer.get_data(as_text=True)
