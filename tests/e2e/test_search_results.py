"""What a search returns: pages, thresholds, fields, partitions and filters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.following import ended
from support.gallery import PER_FOLDER, SEARCH, Gallery, all_of, ask, upload

pytestmark = pytest.mark.e2e


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
    ended(http, job)
    url = "/api/v2/collections/holes"
    whole = http.post(f"{url}/search", json={"path": str(folder / "05.png"), "top_k": 12}).json()["results"]
    for row in (whole[2], whole[3], whole[8]):
        assert http.delete(f"{url}/images/{row['id']}").status_code == 204
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
    ("part", "folders"),
    [
        ({"eq": ["colour", "red"]}, [0, 2]),
        ({"eq": ["sold", True]}, [0, 3]),
        ({"eq": ["year", 2010]}, [2]),
        ({"in": ["colour", ["red", "green", 5]]}, [0, 2, 3]),
        ({"lt": ["year", 2010]}, [0, 1]),
        ({"le": ["year", 2010]}, [0, 1, 2]),
        ({"gt": ["year", 2000.5]}, [1, 2, 3]),
        ({"ge": ["rating", 0.5]}, [0, 1]),
        ({"lt": ["colour", "green"]}, [1]),
        ({"exists": "sold"}, [0, 1, 3]),
        ({"exists": "size"}, []),
        ({"not": {"eq": ["colour", "red"]}}, [1, 3, 4]),
        ({"not": {"exists": "year"}}, [4]),
        ({"and": [{"eq": ["colour", "red"]}, {"ge": ["year", 2000]}]}, [2]),
        ({"or": [{"eq": ["sold", False]}, {"not": {"exists": "colour"}}]}, [1, 4]),
        ({"eq": ["colour", '" or 1 == 1 or "']}, []),
        ({"eq": ["nothing", 1]}, []),
    ],
    ids=json.dumps,
)
def test_a_filter_leaves_the_folders_that_it_names(
    http: httpx.Client, gallery: Gallery, part: dict[str, Any], folders: list[int]
) -> None:
    expected = {path for path in gallery.pictures if int(Path(path).parent.name) in folders}
    assert {row["path"] for row in all_of(http, filter=part)} == expected
    found = upload(http, encoded(photo_like(1), "PNG"), top_k="40", filter=json.dumps(part))["results"]
    assert {one["path"] for one in found} == expected


def test_filter_partition_threshold_and_page_work_together(http: httpx.Client, gallery: Gallery) -> None:
    conditions = {"partition": "anna", "filter": {"eq": ["colour", "red"]}}
    whole = all_of(http, **conditions)
    assert len(whole) == PER_FOLDER
    query = {"image_id": whole[0]["id"], **conditions, "max_distance": whole[5]["distance"], "page_size": 4}
    assert ask(http, {**query, "page": 1}) + ask(http, {**query, "page": 2}) == whole[:6]


def test_examples_lead_towards_some_and_away_from_others(http: httpx.Client, gallery: Gallery) -> None:
    whole = all_of(http)
    by_id = {"positive": [{"image_id": whole[0]["id"]}, {"path": whole[1]["path"]}], "top_k": 40}
    found = ask(http, by_id)
    assert {row["id"] for row in found} == {row["id"] for row in whole[2:]}
    away = ask(http, {**by_id, "negative": [{"image_id": found[0]["id"]}], "negative_share": 1})
    assert found[0]["id"] not in {row["id"] for row in away}
    assert [row["id"] for row in away] != [row["id"] for row in found[1:]]


def test_uploaded_examples_are_one_forward_pass_and_the_plan_tells_how_they_were_searched(
    http: httpx.Client, gallery: Gallery
) -> None:
    pictures = [("positive", encoded(photo_like(seed), "PNG")) for seed in (1000, 1001)]
    files = [*pictures, ("negative", encoded(photo_like(1300), "PNG"))]
    fields = {
        "examples": json.dumps({"negative": [{"path": str(gallery.path(0))}]}),
        "positive_weight": ["2", "1"],
    }
    response = http.post(SEARCH, files=files, data={**fields, "explain": "plan", "top_k": "5"})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert len(answer["results"]) == 5
    assert str(gallery.path(0)) not in {row["path"] for row in answer["results"]}
    plan = answer["plan"]
    assert (plan["dimension"], plan["metric"], plan["consistency"]) == (512, "COSINE", "Bounded")
    assert plan["looks"][0]["rows"] >= 5
    same = {"positive": [{"vector": [1.0] * 512}], "negative": [{"vector": [1.0] * 512}], "negative_share": 1}
    refused = http.post(SEARCH, json=same)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "negative")
