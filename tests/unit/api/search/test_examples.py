"""How examples become one vector, and when they say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from imagesearch.contract import Vectors
from imagesearch_api.errors import ExamplesRejected
from imagesearch_api.search.examples import Examples


def units(*rows: list[float]) -> Vectors:
    raw = np.array(rows, dtype=np.float64)
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def made(examples: Examples, *rows: list[float]) -> list[float]:
    [vector] = examples.vector(units(*rows))
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    return [round(float(number), 4) for number in vector]


def test_one_example_is_searched_by_as_it_is() -> None:
    assert made(Examples(1, (7.0,)), [3, 4, 0]) == [0.6, 0.8, 0]


def test_positive_examples_count_by_their_weights() -> None:
    assert made(Examples(2, (1.0, 1.0)), [1, 0], [0, 1]) == [0.7071, 0.7071]
    assert made(Examples(2, (4.0, 3.0)), [1, 0], [0, 1]) == [0.8, 0.6]


def test_a_share_of_the_negative_mean_is_taken_away() -> None:
    expected = np.array([1 - 0.6 * 0.5, -0.8 * 0.5]) / np.hypot(0.7, 0.4)
    assert made(Examples(1, (1.0, 2.0), 0.5), [1, 0], [3, 4]) == [round(float(each), 4) for each in expected]
    assert made(Examples(1, (1.0, 2.0), 0.0), [1, 0], [3, 4]) == [1, 0]


def test_how_many_negative_examples_there_are_changes_nothing() -> None:
    one = made(Examples(1, (1.0, 1.0)), [1, 0], [3, 4])
    assert made(Examples(1, (1.0, 5.0, 2.0)), [1, 0], [3, 4], [3, 4]) == one


@pytest.mark.parametrize(
    ("examples", "rows", "side"),
    [
        (Examples(2, (1.0, 1.0)), ([1, 0], [-1, 0]), "positive"),
        (Examples(1, (1.0, 1.0, 1.0)), ([1, 0], [0, 1], [0, -1]), "negative"),
        (Examples(1, (1.0, 1.0), 1.0), ([1, 0], [1, 0]), "negative"),
        # What is left of two readings of one picture is noise.
        (Examples(1, (1.0, 1.0), 1.0), ([1, 0], [1, 0.006]), "negative"),
    ],
)
def test_examples_that_cancel_each_other_out_are_refused(
    examples: Examples, rows: tuple[list[float], ...], side: str
) -> None:
    with pytest.raises(ExamplesRejected) as caught:
        examples.vector(units(*rows))
    assert caught.value.side == side
