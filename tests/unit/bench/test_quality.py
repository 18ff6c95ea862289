"""Rankings are judged as the literature does, and changed pictures stay pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bench.quality.distances import Measured
from bench.quality.measures import average_precision, is_found_within, precision_at
from bench.quality.near_duplicates import CHANGES
from support.drawing import photo_like


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
