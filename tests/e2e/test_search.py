"""Search over HTTP: by what, in which part, in which shape, and how wrong questions are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from imagesearch.vectors.filters import matches, parse_filter
from support.drawing import encoded, framed, photo_like
from support.system import System
from support.waiting import PATIENCE, until

pytestmark = pytest.mark.e2e

SEARCH = "/api/v2/collections/gallery/search"
FOLDERS: list[tuple[str, dict[str, Any]]] = [
    ("anna", {"colour": "red", "year": 1990, "rating": 0.5, "sold": True}),
    ("anna", {"colour": "blue", "year": 2001, "rating": 4, "sold": False}),
    ("bert", {"colour": "red", "year": 2010, "size": {"in": "cm"}}),
    ("bert", {"colour": "green", "year": 2010.5, "sold": True}),
    ("", {}),
]
PER_FOLDER = 8


@dataclass(frozen=True)
class Gallery:
    """Pictures by path, each with its partition and metadata."""

    pictures: dict[str, tuple[str, dict[str, Any]]]

    def path(self, index: int) -> Path:
        return Path(sorted(self.pictures)[index])


@pytest.fixture(scope="session")
def gallery(system: System, library: Path) -> Gallery:
    """Forty pictures in a collection, some with a partition and metadata."""
    pictures: dict[str, tuple[str, dict[str, Any]]] = {}
    with httpx.Client(base_url=system.url, timeout=PATIENCE) as http:
        for number, (partition, metadata) in enumerate(FOLDERS):
            folder = library / "gallery" / str(number)
            folder.mkdir(parents=True)
            for index in range(PER_FOLDER):
                path = folder / f"{index}.png"
                photo_like(1000 + number * 100 + index).save(path)
                pictures[str(path)] = (partition, metadata)
            body = {"source": str(folder), "collection": "gallery", "partition": partition, "metadata": metadata}
            job = http.post("/api/v2/jobs", json=body).json()["id"]

            def has_ended(job: str = job) -> bool:
                shown = http.get(f"/api/v2/jobs/{job}").json()
                return shown["finished_at"] is not None and shown["indexed"] == PER_FOLDER

            until(has_ended)
    return Gallery(pictures)


def ask(http: httpx.Client, question: dict[str, Any]) -> list[dict[str, Any]]:
    response = http.post(SEARCH, json=question)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def upload(http: httpx.Client, *pictures: bytes, **fields: Any) -> dict[str, Any]:
    response = http.post(SEARCH, files=[("image", picture) for picture in pictures], data=fields)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [one["id"] for one in found]


def alike(some: list[dict[str, Any]], others: list[dict[str, Any]]) -> bool:
    """Tell whether two answers are one but for the last bits: several at once are summed in another order."""
    by_id = {row["id"]: row["distance"] for row in others}
    return set(ids(some)) == set(by_id) and all(abs(one["distance"] - by_id[one["id"]]) < 2e-3 for one in some)


def all_of(http: httpx.Client, **question: Any) -> list[dict[str, Any]]:
    picture = {"image_id": upload(http, encoded(photo_like(1000), "PNG"), top_k="1")["results"][0]["id"]}
    return ask(http, {**picture, "top_k": 1000, **question})


# By what


def test_an_image_is_found_by_upload_id_path_and_vector_alike(http: httpx.Client, gallery: Gallery) -> None:
    path = gallery.path(11)
    uploaded = upload(http, path.read_bytes(), top_k="40")["results"]
    assert uploaded[0]["path"] == str(path)
    assert uploaded[0]["distance"] < 1e-4
    by_id = ask(http, {"image_id": uploaded[0]["id"], "top_k": 40})
    by_path = ask(http, {"path": str(path), "top_k": 40})
    assert by_id == by_path
    assert by_id[0]["distance"] == 0
    assert alike(by_id, uploaded)


def test_a_vector_of_any_length_is_a_direction(http: httpx.Client, gallery: Gallery) -> None:
    numbers = np.random.default_rng(5).random(512)
    found = ask(http, {"vector": numbers.tolist(), "top_k": 40})
    assert len(found) == 40
    assert alike(found, ask(http, {"vector": (numbers * 1e300).tolist(), "top_k": 40}))
    assert alike(found, ask(http, {"vector": (numbers * 1e-300).tolist(), "top_k": 40}))


def test_a_picture_that_was_asked_before_costs_no_inference(http: httpx.Client, gallery: Gallery) -> None:
    picture = encoded(photo_like(2500), "PNG")
    first = upload(http, picture)
    assert "extract" in first["took_ms"]
    # It is remembered while the first search goes on.
    until(lambda: "extract" not in upload(http, picture)["took_ms"])
    assert upload(http, picture)["results"] == first["results"]
    assert "extract" in upload(http, picture, box="0,0,0.5,0.5")["took_ms"]


def test_a_batch_equals_single_searches(http: httpx.Client, gallery: Gallery) -> None:
    pictures = [encoded(photo_like(seed), "PNG") for seed in (2000, 2001, 2000, 1003)]
    singles = [upload(http, picture, top_k="10")["results"] for picture in pictures]
    batch = upload(http, *pictures, top_k="10")
    assert set(batch) == {"queries", "took_ms"}
    assert [ids(query["results"]) for query in batch["queries"]] == [ids(single) for single in singles]
    first = singles[0][0]
    queries = [{"image_id": first["id"]}, {"path": first["path"]}, {"vector": [1] * 512}]
    answers = http.post(SEARCH, json={"queries": queries, "top_k": 5}).json()["queries"]
    assert answers[0] == answers[1]
    for query, answer in zip(queries, answers, strict=True):
        assert alike(answer["results"], ask(http, {**query, "top_k": 5}))


def test_a_batch_of_pictures_that_were_never_seen_is_one_pass(http: httpx.Client, gallery: Gallery) -> None:
    pictures = [encoded(photo_like(seed), "PNG") for seed in range(3000, 3012)]
    batch = upload(http, *pictures, top_k="3")["queries"]
    assert all(
        alike(batch[index]["results"], upload(http, picture, top_k="3")["results"])
        for index, picture in [(0, pictures[0]), (11, pictures[11])]
    )


@pytest.mark.parametrize(
    ("change", "rank"),
    [
        ("recompressed", 3),
        ("resized", 3),
        ("bordered", 3),
        ("cropped", 3),
    ],
)
def test_near_duplicates_are_in_the_first_three(
    http: httpx.Client, gallery: Gallery, change: str, rank: int
) -> None:
    changes: dict[str, Callable[[Image.Image], bytes]] = {
        "recompressed": lambda picture: encoded(picture, "JPEG", quality=50),
        "resized": lambda picture: encoded(picture.resize((200, 150), Image.Resampling.LANCZOS)),
        "bordered": lambda picture: encoded(framed(picture, 48, 32), "JPEG", quality=90),
        "cropped": lambda picture: encoded(picture.crop((8, 6, 312, 234))),
    }
    for index in range(0, 40, 5):
        path = gallery.path(index)
        with Image.open(path) as picture:
            found = upload(http, changes[change](picture), top_k=str(rank))["results"]
        assert str(path) in [one["path"] for one in found]


# In which part


@pytest.mark.parametrize("box", ["40,30,200,150", "0.125,0.125,0.625,0.625"])
def test_a_box_equals_cropping_first(http: httpx.Client, gallery: Gallery, box: str) -> None:
    picture = photo_like(4000)
    part = upload(http, encoded(picture, "PNG"), box=box)["results"]
    assert part == upload(http, encoded(picture.crop((40, 30, 240, 180)), "PNG"))["results"]
    assert part != upload(http, encoded(picture, "PNG"))["results"]


def test_a_box_of_an_indexed_image_reads_its_file(http: httpx.Client, gallery: Gallery) -> None:
    path = gallery.path(7)
    cropped = photo_like(1007).crop((10, 20, 210, 170))
    expected = upload(http, encoded(cropped, "PNG"), top_k="8")["results"]
    assert ask(http, {"path": str(path), "box": "10,20,200,150", "top_k": 8}) == expected
    assert ask(http, {"image_id": all_of(http)[0]["id"], "box": [0, 0, 320, 240]})[0]["distance"] < 1e-4


def test_each_picture_of_a_batch_may_have_its_box(http: httpx.Client, gallery: Gallery) -> None:
    picture, boxes = encoded(photo_like(4001), "PNG"), ["0,0,100,100", "100,100,100,100"]
    response = http.post(SEARCH, files=[("image", picture)] * 2, data={"box": boxes})
    singles = [upload(http, picture, box=box)["results"] for box in boxes]
    assert all(
        alike(one["results"], single) for one, single in zip(response.json()["queries"], singles, strict=True)
    )
    assert not alike(*singles)


# In which shape


def test_pages_join_without_gap_or_repeat(http: httpx.Client, gallery: Gallery) -> None:
    whole = all_of(http)
    assert len(whole) == 40
    assert [row["distance"] for row in whole] == sorted(row["distance"] for row in whole)
    query = {"image_id": whole[0]["id"], "page_size": 7}
    pages = [ask(http, {**query, "page": page}) for page in range(1, 8)]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 7, 5, 0]
    assert [row for page in pages for row in page] == whole


def test_pages_join_where_rows_are_missing(http: httpx.Client, library: Path, gallery: Gallery) -> None:
    folder = library / "holes"
    folder.mkdir()
    for index in range(12):
        photo_like(5000 + index).save(folder / f"{index:02}.png")
    job = http.post("/api/v2/jobs", json={"source": str(folder), "collection": "holes"}).json()["id"]
    until(lambda: http.get(f"/api/v2/jobs/{job}").json()["finished_at"] is not None)
    url = "/api/v2/collections/holes"
    whole = http.post(f"{url}/search", json={"path": str(folder / "05.png"), "top_k": 12}).json()["results"]
    for row in (whole[2], whole[3], whole[8]):
        assert http.delete(f"{url}/images/{row['id']}").status_code in (202, 204)
    left = [row for index, row in enumerate(whole) if index not in (2, 3, 8)]
    pages = [
        http.post(f"{url}/search", json={"path": str(folder / "05.png"), "page": page, "page_size": 4}).json()
        for page in (1, 2, 3)
    ]
    assert [row for page in pages for row in page["results"]] == left


def test_a_threshold_cuts_where_it_says(http: httpx.Client, gallery: Gallery) -> None:
    whole = all_of(http)
    limit = whole[20]["distance"]
    near = all_of(http, max_distance=limit)
    assert near == [row for row in whole if row["distance"] <= limit]
    assert all_of(http, max_distance=0) == whole[:1]
    assert all_of(http, max_distance=1) == whole


def test_a_result_shows_what_is_asked_for(http: httpx.Client, gallery: Gallery) -> None:
    base = {"id", "path", "url", "distance"}
    query = {"path": str(gallery.path(0)), "top_k": 1}
    assert set(ask(http, query)[0]) == base | {"metadata"}
    assert set(ask(http, {**query, "include": []})[0]) == base
    full = ask(http, {**query, "include": "size, thumbnail"})[0]
    assert set(full) == base | {"width", "height", "bytes", "format", "thumbnail_url"}
    assert (full["width"], full["height"], full["format"]) == (320, 240, "PNG")
    assert httpx.get(full["thumbnail_url"]).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("partition", ["anna", "bert", ""])
def test_a_partition_holds_its_own_and_nothing_else(http: httpx.Client, gallery: Gallery, partition: str) -> None:
    expected = {path for path, (own, _) in gallery.pictures.items() if own == partition}
    assert {row["path"] for row in all_of(http, partition=partition)} == expected
    found = upload(http, encoded(photo_like(1), "PNG"), top_k="40", partition=partition)["results"]
    assert {one["path"] for one in found} == expected


@pytest.mark.parametrize(
    "part",
    [
        {"eq": ["colour", "red"]},
        {"eq": ["sold", True]},
        {"eq": ["year", 2010]},
        {"in": ["colour", ["red", "green", 5]]},
        {"lt": ["year", 2010]},
        {"le": ["year", 2010]},
        {"gt": ["year", 2000.5]},
        {"ge": ["rating", 0.5]},
        {"lt": ["colour", "green"]},
        {"exists": "sold"},
        {"exists": "size"},
        {"not": {"eq": ["colour", "red"]}},
        {"not": {"exists": "year"}},
        {"and": [{"eq": ["colour", "red"]}, {"ge": ["year", 2000]}]},
        {"or": [{"eq": ["sold", False]}, {"not": {"exists": "colour"}}]},
        {"eq": ["colour", '" or 1 == 1 or "']},
        {"eq": ["nothing", 1]},
    ],
    ids=json.dumps,
)
def test_filters_agree_with_brute_force(http: httpx.Client, gallery: Gallery, part: dict[str, Any]) -> None:
    wanted = parse_filter(part)
    expected = {path for path, (_, metadata) in gallery.pictures.items() if matches(wanted, metadata)}
    assert {row["path"] for row in all_of(http, filter=part)} == expected
    found = upload(http, encoded(photo_like(1), "PNG"), top_k="40", filter=json.dumps(part))["results"]
    assert {one["path"] for one in found} == expected


def test_filter_partition_threshold_and_page_work_together(http: httpx.Client, gallery: Gallery) -> None:
    conditions = {"partition": "anna", "filter": {"eq": ["colour", "red"]}}
    whole = all_of(http, **conditions)
    assert len(whole) == PER_FOLDER
    query = {"image_id": whole[0]["id"], **conditions, "max_distance": whole[5]["distance"], "page_size": 4}
    assert ask(http, {**query, "page": 1}) + ask(http, {**query, "page": 2}) == whole[:6]


# What is refused


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
