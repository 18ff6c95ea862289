"""Why two pictures are alike, over HTTP: where in both of them it comes from."""

from __future__ import annotations

import io
from base64 import b64decode
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from PIL import Image

from e2e.test_collections import error
from e2e.test_jobs import run
from support.drawing import encoded, photo_like
from support.gallery import SEARCH, Gallery, all_of

pytestmark = pytest.mark.e2e

COMPARE = "/api/v2/compare"


def drawn(url: str) -> Image.Image:
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    image = Image.open(io.BytesIO(b64decode(data)))
    image.load()
    return image


def check(regions: dict[str, Any]) -> None:
    """Check that cells sum to what they are to explain, and that they are drawn."""
    for side in (regions["a"], regions["b"]):
        cells = np.array(side["cells"])
        assert cells.shape == (4, 4), "the network of these tests has four by four cells"
        assert cells.sum() == pytest.approx(regions["similarity"] - side["common"], abs=1e-4)
        assert drawn(side["overlay"]).size == (256, 192)


def test_two_indexed_pictures_are_explained_and_drawn(http: httpx.Client, gallery: Gallery) -> None:
    first, second, *_ = all_of(http)
    body = {"a": {"image_id": first["id"]}, "b": {"image_id": second["id"]}, "explain": "picture"}
    response = http.post(COMPARE, json=body)
    assert response.status_code == 200, response.text
    answer = response.json()
    regions = answer["regions"]
    check(regions)
    assert regions["similarity"] == pytest.approx(1 - answer["distance"], abs=2e-3)
    assert regions["mean_of"] == 40
    assert 0 < regions["a"]["common"] < 1
    assert regions["a"]["frame"] == [0, 0, 1, 1]
    assert drawn(regions["picture"]).size == (256 + 8 + 256, 192)
    assert len(response.content) < 400_000
    assert {"decode", "explain", "mean"} < answer["took_ms"].keys()
    assert "regions" not in http.post(COMPARE, json={**body, "explain": None}).json()


def test_uploads_that_belong_to_no_collection_have_no_mean(http: httpx.Client) -> None:
    pictures = {name: encoded(photo_like(seed), "PNG") for name, seed in (("a", 1), ("b", 2))}
    regions = http.post(COMPARE, files=pictures, data={"explain": "regions"}).json()["regions"]
    check(regions)
    assert (regions["mean_of"], regions["a"]["common"], "picture" in regions) == (0, 0, False)
    wrong = http.post(COMPARE, files=pictures, data={"explain": "everything"})
    assert (wrong.status_code, error(wrong)["field"]) == (400, "explain")


def test_one_result_of_a_search_is_explained(http: httpx.Client, gallery: Gallery) -> None:
    picture = encoded(photo_like(1003), "PNG")
    found = http.post(SEARCH, files={"image": picture}, data={"top_k": "1", "explain": "regions"}).json()
    (result,) = found["results"]
    check(result["regions"])
    by_id = http.post(SEARCH, json={"image_id": result["id"], "page": 2, "page_size": 1, "explain": "regions"})
    assert by_id.json()["results"][0]["id"] != result["id"]
    check(by_id.json()["results"][0]["regions"])
    boxed = {"image_id": result["id"], "box": "0.5,0.0,0.5,0.5", "top_k": 1, "explain": "regions"}
    (part,) = http.post(SEARCH, json=boxed).json()["results"]
    assert part["regions"]["a"]["frame"] == [0.5, 0, 1, 0.5]
    assert part["regions"]["b"]["frame"] == [0, 0, 1, 1]
    nothing = http.post(SEARCH, json={**boxed, "partition": "", "filter": {"eq": ["colour", "none"]}})
    assert nothing.json()["results"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"image_id": 1, "explain": "regions"},
        {"image_id": 1, "top_k": 2, "explain": "regions"},
        {"queries": [{"image_id": 1}], "top_k": 1, "explain": "regions"},
        {"vector": [1] * 512, "top_k": 1, "explain": "regions"},
        {"image_id": 1, "top_k": 1, "explain": "cells"},
    ],
)
def test_what_cannot_be_explained_names_the_field(
    http: httpx.Client, gallery: Gallery, body: dict[str, Any]
) -> None:
    response = http.post(SEARCH, json=body)
    assert (response.status_code, error(response)["field"]) == (400, "explain")


def test_a_file_that_has_changed_since_is_409_and_one_that_is_gone_404(http: httpx.Client, library: Path) -> None:
    name = f"c{uuid4().hex[:12]}"
    (folder := library / name).mkdir()
    for index in range(2):
        (folder / f"{index}.jpg").write_bytes(encoded(photo_like(900 + index, (160, 120))))
    run(http, str(folder), collection=name)
    items = http.get(f"/api/v2/collections/{name}/images").json()["items"]
    a, b = (next(one["id"] for one in items if one["path"].endswith(f"{index}.jpg")) for index in range(2))
    body = {"a": {"image_id": a}, "b": {"image_id": b}, "explain": "regions"}
    assert http.post(COMPARE, json=body).json()["regions"]["mean_of"] == 0, "two are too few for a mean"
    (folder / "1.jpg").write_bytes(encoded(photo_like(999, (160, 120))))
    changed = http.post(COMPARE, json=body)
    assert (changed.status_code, error(changed)["field"]) == (409, "b")
    assert "has changed since it was indexed" in changed.json()["detail"]
    assert http.post(COMPARE, json={**body, "explain": None}).status_code == 200
    search = {"image_id": a, "page": 2, "page_size": 1, "explain": "regions"}
    found = http.post(f"/api/v2/collections/{name}/search", json=search)
    assert (found.status_code, error(found)["field"]) == (409, "explain")
    (folder / "1.jpg").unlink()
    gone = http.post(COMPARE, json=body)
    assert (gone.status_code, error(gone)["field"]) == (404, "b")
