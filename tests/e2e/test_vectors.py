"""Vectors come out over HTTP: of pictures that are not stored, and of what searches find."""

from __future__ import annotations

from uuid import uuid4

import httpx
import numpy as np
import pytest

from support.drawing import encoded, photo_like

pytestmark = pytest.mark.e2e


@pytest.fixture
def url(http: httpx.Client) -> str:
    """A collection that is empty."""
    name = f"v{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 201
    return f"/api/v2/collections/{name}"


def test_pictures_become_vectors_and_nothing_is_stored(http: httpx.Client, url: str) -> None:
    pictures = [encoded(photo_like(7100 + number)) for number in range(2)]
    parts = [("image", picture) for picture in pictures]
    made = http.post(f"{url}/embed", files=parts).json()
    vectors = np.array(made["vectors"])
    assert vectors.shape == (2, 512)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert http.get(url).json()["images"] == 0
    stored = http.post(f"{url}/images", files={"image": pictures[0]}).json()
    [again] = http.post(f"{url}/embed", files={"image": pictures[0]}).json()["vectors"]
    body = {"image_id": stored["id"], "top_k": 1, "include": ["vector"]}
    [found] = http.post(f"{url}/search", json=body).json()["results"]
    for vector in (again, found["vector"]):
        assert np.dot(vector, vectors[0]) > 0.999
    assert made["model"] == http.get(url).json()["model"]


def test_a_search_shows_the_nearest_of_each_group_on_pages_that_join(http: httpx.Client, url: str) -> None:
    for number in range(6):
        data = {"metadata": f'{{"set": {number % 3}}}'} if number else {}
        assert http.post(
            f"{url}/images", files={"image": encoded(photo_like(7110 + number))}, data=data
        ).is_success
    whole = http.post(f"{url}/search", json={"vector": [1.0] * 512, "group_by": "set"}).json()["results"]
    assert sorted(result["metadata"]["set"] for result in whole) == [0, 1, 2]
    pages = [
        http.post(
            f"{url}/search", json={"vector": [1.0] * 512, "group_by": "set", "page": page, "page_size": 1}
        ).json()["results"]
        for page in (1, 2, 3, 4)
    ]
    assert [[result["id"] for result in page] for page in pages] == [*([result["id"]] for result in whole), []]


def test_what_is_no_picture_or_too_much_is_named(http: httpx.Client, url: str) -> None:
    picture = encoded(photo_like(7102))
    broken = http.post(f"{url}/embed", files=[("image", picture), ("image", b"no picture")])
    assert (broken.status_code, broken.json()["errors"][0]["field"]) == (415, "image[1]")
    for response, field in (
        (http.post(f"{url}/embed", files={"image": picture}, data={"top_k": "1"}), "top_k"),
        (
            http.post(f"{url}/search", json={"vector": [1.0] * 512, "top_k": 1001, "include": ["vector"]}),
            "include",
        ),
    ):
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)
