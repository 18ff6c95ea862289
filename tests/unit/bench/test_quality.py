"""Rankings are judged as the literature does, and changed pictures stay pictures."""

from __future__ import annotations

import io

import pytest
from PIL import Image

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
