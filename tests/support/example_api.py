"""The API as the examples of the client's documentation see it: one small collection, and a job that has ended."""

from __future__ import annotations

from typing import Any

import httpx

from support.fake_api import FakeApi, job, ok

PHOTOS = "/api/v2/collections/photos"
PATHS = ("/photos/cat.jpg", "/photos/kitten.jpg", "/photos/lion.jpg")


def _image(number: int, **more: object) -> dict[str, Any]:
    image = {"id": number, "path": PATHS[number - 1], "state": "indexed", "partition": "anna"}
    return {**image, "url": f"http://api.test/api/v2/images/{number}/file", "metadata": {"year": 2020}, **more}


def _results(*distances: float) -> list[dict[str, Any]]:
    return [_image(number, distance=distance) for number, distance in enumerate(distances, 1)]


def _with_vectors(request: httpx.Request) -> httpx.Response:
    """Answer a search, of several pictures or with vectors where those were asked for."""
    if b'"queries"' in request.content:
        answers = [{"results": _results(0.0, 0.21)}, {"results": _results(0.0)}]
        return ok({"queries": answers, "took_ms": {"total": 12.5}})
    found = _results(0.0, 0.21)
    if b"vector" in request.content:
        found = [{**one, "vector": [0.6, 0.8]} for one in found]
    return ok({"results": found, "took_ms": {"total": 12.5}})


def example_api() -> FakeApi:
    """Return the API that answers what examples ask for."""
    api = FakeApi()
    collection = {"name": "photos", "images": 3, "vectors": 3, "network": "vgg16", "dimension": 512}
    ended = job("completed_with_failures", id="17", collection="photos", total=4, indexed=3, failed=1, ended=True)
    failure = {"path": "/photos/broken.jpg", "code": "truncated", "reason": "the file ends early"}
    written = {**_image(1), "searchable_at": "2025-05-01T10:00:00Z", "job": "18"}
    alike = [{"id": 1, "path": PATHS[0], "distance": 0.02}, {"id": 2, "path": PATHS[1], "distance": 0.02}]
    group = {"id": 1, "kind": "near", "images": alike}
    value = {"value": 2020, "images": 3}
    facet = {
        "field": "year",
        "images": 3,
        "values": [value],
        "values_capped": False,
        "least": 2020,
        "greatest": 2020,
    }
    answers: dict[str, object] = {
        "POST /api/v2/jobs": {**ended, "state": "planning", "finished_at": None},
        "GET /api/v2/jobs": {"items": [ended], "next": None},
        "GET /api/v2/jobs/17": ended,
        "GET /api/v2/jobs/17/failures": {"items": [failure], "next": None},
        "POST /api/v2/collections": {**collection, "images": 0, "vectors": 0},
        "GET /api/v2/collections": {"items": [collection], "next": None},
        f"GET {PHOTOS}": collection,
        f"GET {PHOTOS}/images": {"items": [_image(number) for number in (1, 2, 3)], "next": None},
        f"POST {PHOTOS}/images": written,
        f"PATCH {PHOTOS}/images": {**written, "metadata": {"year": 2021}},
        f"POST {PHOTOS}/images/delete": {"deleted": 3, "missing": []},
        f"POST {PHOTOS}/embed": {"model": "vgg16-max-512:ab", "vectors": [[0.6, 0.8]], "took_ms": {"total": 12.5}},
        f"GET {PHOTOS}/duplicates": {"items": [group], "next": None, "untrained": False},
        f"GET {PHOTOS}/facets": {"items": [facet], "looked_at": 3, "is_complete": True},
        f"POST {PHOTOS}/reindex": ended,
        "POST /api/v2/compare": {"distance": 0.21, "band": "similar", "same_content": False},
        "PUT /api/v2/aliases/current": {"alias": "current", "collection": "photos"},
    }
    for asked, answer in answers.items():
        api.on(*asked.split(), ok(answer))
    api.on("POST", f"{PHOTOS}/search", _with_vectors)
    for number in (1, 2, 3):
        api.on("GET", f"/api/v2/images/{number}/thumbnail", httpx.Response(200, content=b"\xff\xd8small"))
    return api
