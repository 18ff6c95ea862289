"""How wrong questions are refused: with the field that is wrong."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.gallery import SEARCH, Gallery

pytestmark = pytest.mark.e2e

NAN = float("nan")
BAD_JSON: list[tuple[dict[str, Any], str]] = [
    ({}, "body"),
    ({"image_id": 1, "path": "/x"}, "body"),
    ({"image_id": 0}, "image_id"),
    ({"image_id": 2**63}, "image_id"),
    ({"image_id": "1"}, "image_id"),
    ({"image_id": True}, "image_id"),
    ({"image_id": 1.5}, "image_id"),
    ({"path": ""}, "path"),
    ({"path": 5}, "path"),
    ({"path": "/nul\x00"}, "path"),
    ({"vector": [1.0] * 511}, "vector"),
    ({"vector": [1.0] * 513}, "vector"),
    ({"vector": []}, "vector"),
    ({"vector": "1"}, "vector"),
    ({"vector": [0.0] * 512}, "vector"),
    ({"vector": [NAN] + [1.0] * 511}, "vector[0]"),
    ({"vector": [1.0] * 511 + [float("inf")]}, "vector[511]"),
    ({"vector": [1.0] * 511 + ["1"]}, "vector[511]"),
    ({"vector": [1.0] * 511 + [None]}, "vector[511]"),
    ({"vector": [1.0] * 511 + [True]}, "vector[511]"),
    ({"vector": [1.0] * 512, "box": "0,0,5,5"}, "box"),
    ({"url": "https://example.com/cat.jpg"}, "url"),
    ({"url": 7}, "url"),
    ({"path": "{path}", "top_k": 0}, "top_k"),
    ({"path": "{path}", "top_k": 16_385}, "top_k"),
    ({"path": "{path}", "top_k": 10**30}, "top_k"),
    ({"path": "{path}", "top_k": "5"}, "top_k"),
    ({"path": "{path}", "top_k": 5, "page": 1}, "top_k"),
    ({"path": "{path}", "top_k": 5, "page_size": 5}, "top_k"),
    ({"path": "{path}", "page": 0}, "page"),
    ({"path": "{path}", "page": 1639}, "page"),
    ({"path": "{path}", "page": 2, "page_size": 8193}, "page"),
    ({"path": "{path}", "page_size": -1}, "page_size"),
    ({"path": "{path}", "max_distance": 1.01}, "max_distance"),
    ({"path": "{path}", "max_distance": -0.01}, "max_distance"),
    ({"path": "{path}", "max_distance": NAN}, "max_distance"),
    ({"path": "{path}", "max_distance": "0.5"}, "max_distance"),
    ({"path": "{path}", "include": ["everything"]}, "include[0]"),
    ({"path": "{path}", "include": 5}, "include"),
    ({"path": "{path}", "partition": 5}, "partition"),
    ({"path": "{path}", "partition": "x" * 129}, "partition"),
    ({"path": "{path}", "box": "0,0,0,0"}, "box"),
    ({"path": "{path}", "box": "0,0,321,10"}, "box"),
    ({"path": "{path}", "box": [0.5, 0.5, 0.6, 0.1]}, "box"),
    ({"path": "{path}", "box": {}}, "box"),
    ({"path": "{path}", "filter": "red"}, "filter"),
    ({"path": "{path}", "filter": {}}, "filter"),
    ({"path": "{path}", "filter": {"like": ["a", "b"]}}, "filter"),
    ({"path": "{path}", "filter": {"eq": ["a"]}}, "filter.eq"),
    ({"path": "{path}", "filter": {"eq": ["a b", 1]}}, "filter.eq[0]"),
    ({"path": "{path}", "filter": {"eq": ["a", None]}}, "filter.eq[1]"),
    ({"path": "{path}", "filter": {"lt": ["a", True]}}, "filter.lt[1]"),
    ({"path": "{path}", "filter": {"and": []}}, "filter.and"),
    ({"path": "{path}", "filter": {"and": [{"exists": "a"}, {"in": ["a", [NAN]]}]}}, "filter.and[1].in[1][0]"),
    ({"path": "{path}", "unknown": 1}, "unknown"),
    ({"queries": []}, "queries"),
    ({"queries": [{"path": "{path}"}] * 65}, "queries"),
    ({"queries": [{"path": "{path}"}], "image_id": 1}, "queries"),
    ({"queries": [{"path": "{path}"}, {}]}, "queries[1]"),
    ({"queries": [{"path": "{path}"}, {"image_id": 0}]}, "queries[1].image_id"),
    ({"queries": [{"path": "{path}"}, {"vector": [1]}]}, "queries[1].vector"),
    ({"queries": [{"path": "{path}", "box": "0,0,999,9"}]}, "queries[0].box"),
    ({"queries": [{"path": "{path}", "top_k": 5}]}, "queries[0].top_k"),
    ({"queries": [{"path": "{path}"}] * 2, "top_k": 8193}, "top_k"),
]


def with_path(question: Any, path: str) -> Any:
    if isinstance(question, dict):
        return {name: with_path(value, path) for name, value in question.items()}
    if isinstance(question, list) and len(question) < 100:
        return [with_path(part, path) for part in question]
    return path if question == "{path}" else question


@pytest.mark.parametrize(("question", "field"), BAD_JSON)
def test_a_wrong_field_is_400_and_named(
    http: httpx.Client, gallery: Gallery, question: dict[str, Any], field: str
) -> None:
    body = json.dumps(with_path(question, str(gallery.path(0))))
    response = http.post(SEARCH, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"] == field
    assert response.json()["errors"][0]["rule"]


@pytest.mark.parametrize(("depth", "field"), [(17, "filter"), (64, "filter"), (500, "filter"), (100_000, "body")])
def test_a_filter_nested_too_deep_is_400(http: httpx.Client, gallery: Gallery, depth: int, field: str) -> None:
    text = '{"not":' * depth + '{"exists":"a"}' + "}" * depth
    body = f'{{"image_id": 1, "filter": {text}}}'
    response = http.post(SEARCH, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"].startswith(field)
    response = http.post(SEARCH, files={"image": encoded(photo_like(1))}, data={"filter": text})
    assert response.status_code == (400 if depth < 1000 else 413)


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"image_id": 2**62}, "image_id"),
        ({"path": "/etc/passwd"}, "path"),
        ({"queries": [{"path": "{path}"}, {"path": "/not/indexed.jpg"}]}, "queries[1].path"),
        ({"path": "{path}", "partition": "nobody"}, "partition"),
    ],
)
def test_what_is_not_there_is_404_and_named(
    http: httpx.Client, gallery: Gallery, question: dict[str, Any], field: str
) -> None:
    response = http.post(SEARCH, json=with_path(question, str(gallery.path(0))))
    assert response.status_code == 404
    assert response.json()["errors"][0]["field"] == field


def test_an_image_of_another_collection_is_404(http: httpx.Client, gallery: Gallery) -> None:
    http.post("/api/v2/collections", json={"name": "elsewhere"})
    response = http.post("/api/v2/collections/elsewhere/search", json={"path": str(gallery.path(0))})
    assert response.status_code == 404


def test_a_bad_picture_of_a_batch_is_named_by_its_place(http: httpx.Client, gallery: Gallery) -> None:
    good = encoded(photo_like(1))
    for bad, status in ((b"text", 415), (good[:700], 400), (b"", 400)):
        response = http.post(SEARCH, files=[("image", part) for part in (good, good, good, bad)])
        assert response.status_code == status
        assert response.json()["errors"][0]["field"] == "image[3]"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"page": "x"}, "page"),
        ({"max_distance": "1e400"}, "max_distance"),
        ({"max_distance": "nan"}, "max_distance"),
        ({"include": "everything"}, "include[0]"),
        ({"filter": "{"}, "filter"),
        ({"filter": '{"eq": ["a"]}'}, "filter.eq"),
        ({"box": "1,2,3"}, "box"),
        ({"box": "0,0,400,10"}, "box"),
        ({"box": ["0,0,5,5", "0,0,5,5"]}, "box"),
        ({"top_k": ["1", "2"]}, "top_k"),
        ({"unknown": "1"}, "unknown"),
    ],
)
def test_a_wrong_form_field_is_400_and_named(
    http: httpx.Client, gallery: Gallery, fields: dict[str, Any], field: str
) -> None:
    response = http.post(SEARCH, files={"image": encoded(photo_like(1))}, data=fields)
    assert response.status_code == 400, response.text
    assert response.json()["errors"][0]["field"] == field


def test_more_pictures_than_a_batch_holds_are_refused(http: httpx.Client, gallery: Gallery) -> None:
    response = http.post(SEARCH, files=[("image", b"x")] * 65)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "image"


def test_the_published_client_gets_400_for_any_bad_picture(http: httpx.Client, gallery: Gallery) -> None:
    for bad in (b"text", encoded(photo_like(1))[:700]):
        response = http.post("/api/v1/search", files={"file": bad}, data={"Num": "3", "Table": "gallery"})
        assert response.status_code == 400
