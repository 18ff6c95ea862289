"""Merge patches, directions and windows: small rules with sharp edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imagesearch_api.http.problems import BadField
from imagesearch_api.images.labels import merge_patch
from imagesearch_api.models.search import ShapeBody, Window, shape_of, unit


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        # The examples of RFC 7396, appendix A, for targets and patches that metadata can be.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_rfc_says(
    target: dict[str, Any], patch: dict[str, Any], merged: dict[str, Any]
) -> None:
    before = repr(target)
    assert merge_patch(target, patch) == merged
    assert repr(target) == before


@pytest.mark.parametrize("scale", [1.0, 1e300, 1e-300, 5e-324])
def test_a_direction_does_not_depend_on_the_length(scale: float) -> None:
    numbers = [scale] * 256 + [0.0] * 256
    made = unit(numbers)
    assert made.dtype == np.float32
    assert np.allclose(made, [1 / 16] * 256 + [0.0] * 256)


@pytest.mark.parametrize(
    ("asked", "window"),
    [
        ({}, Window(0, 10)),
        ({"top_k": 3}, Window(0, 3)),
        ({"page": 3}, Window(20, 30)),
        ({"page_size": 7}, Window(0, 7)),
        ({"page": 3, "page_size": 10}, Window(20, 30)),
        ({"page": 16_384, "page_size": 1}, Window(16_383, 16_384)),
    ],
)
def test_pages_and_top_k_are_windows(asked: dict[str, int], window: Window) -> None:
    assert shape_of(ShapeBody.model_validate(asked)).window == window


@pytest.mark.parametrize(
    "asked", [{"page": 16_385, "page_size": 1}, {"page": 1639}, {"page": 2, "page_size": 8193}]
)
def test_a_window_beyond_what_the_store_reaches_is_refused(asked: dict[str, int]) -> None:
    with pytest.raises((BadField, ValueError), match="16384"):
        ShapeBody.model_validate(asked)
