"""Search over HTTP: by what, and in which part of a picture."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import numpy as np
import pytest
from PIL import Image

from support.drawing import encoded, framed, photo_like
from support.gallery import SEARCH, Gallery, alike, all_of, ask, ids, upload
from support.waiting import until

pytestmark = pytest.mark.e2e


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
