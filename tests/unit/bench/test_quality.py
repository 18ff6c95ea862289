"""Rankings are judged as the literature does, and changed pictures stay pictures."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.quality.distances import Measured
from bench.quality.extraction import Extracted, described, parse_input
from bench.quality.measures import average_precision, is_found_within, precision_at
from bench.quality.near_duplicates import CHANGES, HARDER
from bench.quality.photos import Photos
from bench.quality.rankings import judge
from bench.quality.views import OPTIONS, VIEWS, Found, best_of, views_of
from imagesearch.errors import InvalidMessage
from imagesearch.pipeline import Preprocessing
from support.drawing import encoded, photo_like


def test_precision_is_the_share_of_right_ones_among_the_first() -> None:
    assert precision_at(1, [True, False]) == 1
    assert precision_at(4, [True, False, True, False, True]) == 0.5


@pytest.mark.parametrize(
    ("is_right", "expected"),
    [
        ([True, True, False], 1.0),
        ([False, False], 0.0),
        ([], 0.0),
        # The example of 1/1, 2/3 and 3/6.
        ([True, False, True, False, False, True], (1 + 2 / 3 + 3 / 6) / 3),
    ],
)
def test_average_precision(is_right: list[bool], expected: float) -> None:
    assert average_precision(is_right) == pytest.approx(expected)


def test_an_answer_is_found_up_to_its_place() -> None:
    assert not is_found_within(1, "b", ["a", "b"])
    assert is_found_within(2, "b", ["a", "b"])


@pytest.mark.parametrize("name", HARDER)
def test_a_harder_change_shows_a_part_or_leaves_the_picture_a_part(name: str) -> None:
    original = photo_like(1, (160, 120))
    with Image.open(io.BytesIO(HARDER[name](original))) as made:
        assert made.size == {"cropped by 40 %": (96, 72), "on a page": (240, 180)}[name]


def test_views_of_a_query_are_parts_of_it_and_the_nearest_counts() -> None:
    pixels = views_of(encoded(photo_like(2, (224, 224)), "PNG"))
    assert pixels.shape == (len(VIEWS), 224, 224, 3)
    assert np.array_equal(pixels[VIEWS.index("mirrored")], pixels[0][:, ::-1])
    assert len({view.tobytes() for view in pixels}) == len(VIEWS)
    assert {view for views in OPTIONS.values() for view in views} == set(VIEWS)
    photos = np.eye(3, dtype=np.float32)
    queries = np.stack([photos[[0, 2]], photos[[1, 1]]])
    assert best_of(queries, photos).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_an_option_is_judged_by_kinds_by_copies_and_by_strangers() -> None:
    # Of four photos of two kinds the first two find each other; one copy is near, one lies behind all others.
    photos = np.array([[0, 0.2, 0.5, 0.6], [0.2, 0, 0.5, 0.6], [0.4, 0.5, 0, 0.6], [0.5, 0.6, 0.7, 0]], np.float32)
    copies = np.array([[0.1, 0.5, 0.5, 0.5], [0.2, 0.3, 0.4, 0.9]], np.float32)
    between = np.concatenate([photos, copies])
    found = Found.of(between, ["cat", "cat", "dog", "dog"], ["cropped", "mirrored"], [0, 3])
    assert (found.first, found.three, found.near, found.lost) == (0.5, 0.5, 0.5, {"mirrored": 1})
    assert found.mean_average == pytest.approx((1 + 1 + 1 / 3 + 1 / 3) / 4)
    assert found.row("whole", 1) == "| whole | 1 | 0.667 | 0.500 | 0.500 | 0.500 | mirrored 1 |"


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_picture_is_another_file_of_a_picture(name: str) -> None:
    original = photo_like(1, (160, 120))
    data = CHANGES[name](original)
    with Image.open(io.BytesIO(data)) as made:
        made.load()
        assert made.mode == "RGB"
        assert (made.size == original.size) is (name in ("recompressed", "mirrored", "brightened", "with text"))


def test_bands_follow_from_distances_by_their_rules() -> None:
    # Of 1,000 photos the 10 nearest pairs of strangers lie 0.055 apart, but one of them 0.031.
    strangers = np.full(1_000, 0.5, np.float32)
    strangers[:12] = 0.055
    strangers[0] = 0.031
    # Up to 0.405 three of four pairs are alike, and no share is that high behind it.
    pairs = np.array([0.1, 0.2, 0.3, 0.405, 0.5, 0.6], np.float32)
    is_alike = np.array([True, True, False, True, False, False])
    found = Measured(strangers, pairs, is_alike, copies=np.zeros(1, np.float32)).bands()
    assert (found.same, found.near, found.similar) == (0.03, 0.05, 0.4)


def test_distances_are_of_each_pair_once_and_of_copies_from_their_originals() -> None:
    vectors = np.eye(3, dtype=np.float32)
    vectors[1] = [0.6, 0.8, 0]
    found = Measured.of(vectors, ["cat", "cat", "dog"], vectors[[1, 1]], [1, 0])
    assert found.strangers.tolist() == pytest.approx([0.4, 0.4, 1.0])
    assert (found.pairs.tolist(), found.is_alike.tolist()) == (pytest.approx([0.4, 1, 1]), [True, False, False])
    assert found.copies.tolist() == pytest.approx([0, 0.4], abs=1e-6)


def test_rankings_are_judged_from_vectors_as_searches_are() -> None:
    vectors = np.eye(4, dtype=np.float32)
    vectors[1] = [0.8, 0.6, 0, 0]
    vectors[3] = [0, 0.6, 0.8, 0]
    copies = np.array([[1, 0, 0, 0], [0, 0.8, 0.6, 0]], np.float32)
    found = Extracted(vectors, ["cat", "cat", "dog", "dog"], copies, ["a", "b"], [0, 3], 5.0)
    judged = judge(found)
    assert (judged.first, judged.mean_average, judged.copies_first, judged.copies_three) == (1.0, 1.0, 1.0, 1.0)
    other = judge(replace(found, classes=["cat", "dog", "cat", "dog"], originals=[1, 0]))
    assert (other.first, other.copies_first, other.copies_three) == (0.0, 0.0, 0.5)
    assert judge(replace(found, changed=copies[:0], originals=[])).row("x").count("nan") == 2


def test_an_input_is_named_by_its_options() -> None:
    options = parse_input("antialiased,pad,320")
    assert options == Preprocessing("antialiased", aspect="pad", side=320)
    assert described(options, "gem") == "antialiased, gem, pad, 320"
    assert described(parse_input("nearest"), "max") == "nearest, max"
    with pytest.raises(InvalidMessage, match="side"):
        parse_input("nearest,pad,big")


def test_what_is_transparent_is_changed_as_it_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "stars"
    folder.mkdir()
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    picture.paste((200, 30, 30, 255), (16, 16, 48, 48))
    picture.save(folder / "star.png")
    photos = Photos.of(tmp_path, 1, {"kept": lambda shown: encoded(shown, "PNG")})
    with Image.open(io.BytesIO(photos.changed[0][2])) as changed:
        assert changed.getpixel((2, 2)) == (255, 255, 255)
        assert changed.getpixel((32, 32)) == (200, 30, 30)
