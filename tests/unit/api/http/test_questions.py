"""Windows of results, and which field of a search is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch_api.http.bodies import checked
from imagesearch_api.http.fields import BadFields
from imagesearch_api.http.questions import shape_of
from imagesearch_api.models.requests.search import SearchBody, ShapeBody
from imagesearch_api.search.question import Window


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
    with pytest.raises(BadFields, match="16384"):
        checked(ShapeBody, asked)


VECTOR = [1.0] * 512


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "body"),
        ({"image_id": 1, "path": "/a"}, "body"),
        ({"vector": VECTOR, "box": "1,1,9,9"}, "box"),
        ({"image_id": 1, "queries": [{"image_id": 1}]}, "queries"),
        ({"queries": [{"image_id": 1}, {}]}, "queries[1]"),
        ({"queries": [{"image_id": 1}, {"vector": VECTOR, "box": "1,1,9,9"}]}, "queries[1].box"),
        ({"queries": [{"image_id": 0}]}, "queries[0].image_id"),
        ({"image_id": 1, "top_k": 1, "page": 2}, "top_k"),
        ({"image_id": 1, "page": 16_384}, "page"),
        ({"positive": []}, "positive"),
        ({"negative": [{"image_id": 1}]}, "positive"),
        ({"negative_share": 0.5, "image_id": 1}, "positive"),
        ({"positive": [{"image_id": 1}], "image_id": 2}, "positive"),
        ({"positive": [{"image_id": 1}], "box": "1,1,9,9"}, "positive"),
        ({"positive": [{"image_id": 1}], "queries": [{"image_id": 1}]}, "positive"),
        ({"positive": [{"image_id": 1, "key": "a"}]}, "positive[0]"),
        ({"positive": [{"image_id": 1}], "negative": [{"vector": VECTOR, "box": "1,1,9,9"}]}, "negative[0].box"),
        ({"positive": [{"image_id": 1, "weight": 0}]}, "positive[0].weight"),
        ({"positive": [{"image_id": 1}], "negative_share": 1.5}, "negative_share"),
        ({"positive": [{"image_id": 1}] * 33}, "positive"),
        ({"positive": [{"image_id": 1}] * 16, "negative": [{"image_id": 1}] * 17}, "negative"),
        ({"image_id": 1, "filter": {"like": ["a", "b"]}}, "filter"),
        ({"image_id": 1, "filter": {"and": [{"exists": "a"}, {"eq": ["a"]}]}}, "filter.and[1].eq"),
    ],
)
def test_the_field_that_is_wrong_is_named(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(BadFields) as caught:
        checked(SearchBody, asked)
    assert [name for name, _ in caught.value.fields] == [field]
