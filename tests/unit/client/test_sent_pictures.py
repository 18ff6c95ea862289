"""What callers may name as a picture or a source, and what is sent of it."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagesearch_client import Manifest, Query
from imagesearch_client.pictures import png_of_pixels, read_picture
from imagesearch_client.sources import Source
from support.fake_api import FakeApi, job, ok

SEARCH = "/api/v2/collections/cats/search"


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4), (1, 1)])
def test_pixels_arrive_as_they_are(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)

    name, content, _ = read_picture(pixels)

    with Image.open(io.BytesIO(content)) as read:
        assert (read.format, name) == ("PNG", "image.png")
        assert np.array_equal(np.asarray(read).reshape(shape), pixels)


def test_pixels_may_be_a_part_of_a_larger_array() -> None:
    whole = np.random.default_rng(5).integers(0, 256, (20, 20, 3), dtype=np.uint8)

    with Image.open(io.BytesIO(png_of_pixels(whole[3:13:2, 4:14, ::-1]))) as read:
        assert np.array_equal(np.asarray(read), whole[3:13:2, 4:14, ::-1])


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((5, 7, 3), np.float32), "uint8, 0 to 255, not float32"),
        (np.zeros((5, 7, 3), np.uint16), "not uint16"),
        (np.zeros(512, np.uint8), r"Query\(vector=...\)"),
        (np.zeros((1, 5, 7, 3), np.uint8), r"not \(1, 5, 7, 3\)"),
        (np.zeros((5, 7, 5), np.uint8), r"1 to 4"),
        (np.zeros((0, 7, 3), np.uint8), r"not \(0, 7, 3\)"),
    ],
)
def test_an_array_that_is_no_picture_says_why(pixels: Any, reason: str, api: FakeApi) -> None:
    with pytest.raises(ValueError, match=reason):
        api.client().search("cats", pixels)
    assert api.requests == []


@pytest.mark.parametrize("picture", [4.5, None, [1, 2]])
def test_whatever_else_is_no_picture(picture: Any, api: FakeApi) -> None:
    with pytest.raises(TypeError, match="a picture is a path, bytes, an open file or an array of pixels, not a"):
        api.client().add_image("cats", picture)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_may_be_a_text(kind: type, tmp_path: Path, api: FakeApi) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"pixels of a cat")
    api.on("POST", SEARCH, ok({"results": [], "took_ms": {}}))
    api.on("POST", "/api/v2/compare", ok({"distance": 0.5, "band": None, "same_content": False}))
    picture = kind(tmp_path / "cat.jpg")

    api.client().search("cats", picture)
    api.client().search_many("cats", [picture])
    api.client().compare(picture, 4)

    for request in api.requests:
        assert b"pixels of a cat" in request.content
        assert b'filename="cat.jpg"' in request.content


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("/photos", "/photos"),
        (PurePosixPath("/photos"), "/photos"),
        (["/photos/a.jpg", PurePosixPath("/photos/b.jpg")], {"paths": ["/photos/a.jpg", "/photos/b.jpg"]}),
        (Manifest(PurePosixPath("/lists/all.csv")), {"manifest": "/lists/all.csv"}),
        (Manifest("/lists/all.csv"), {"manifest": "/lists/all.csv"}),
    ],
)
def test_a_source_may_be_named_by_text_or_path(source: Source, sent: object, api: FakeApi) -> None:
    api.on("POST", "/api/v2/jobs", ok(job(), 202))

    api.client().submit_job(source)

    assert api.sent_json()["source"] == sent


def test_a_vector_may_be_an_array(api: FakeApi) -> None:
    api.on("POST", SEARCH, ok({"results": [], "took_ms": {}}))

    api.client().search("cats", Query(vector=np.array([0.5, 0.25], np.float32)))

    assert api.sent_json()["vector"] == [0.5, 0.25]
