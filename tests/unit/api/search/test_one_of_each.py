"""Of each group a search shows the nearest, in the order of distance."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch.vectors import Hit
from imagesearch_api.search.matches import one_of_each
from support.records import image_record


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["a", "b", "a", "c", "b"], [0, 1, 3]),
        ([1, 2, 1.0, True, False, 0], [0, 1, 3, 4, 5]),
        (["a", None, [1], {"b": 1}, "b"], [0, 4]),
        ([], []),
    ],
)
def test_the_nearest_of_each_value_is_kept_and_what_has_none_is_left_out(
    values: list[Any], kept: list[int]
) -> None:
    hits = [Hit(key, key / 10) for key in range(len(values))]
    rows = {
        key: image_record(key + 1, metadata={} if value is None else {"of": value})
        for key, value in enumerate(values)
    }
    assert [hit.key for hit in one_of_each(hits, rows, "of")] == kept


def test_partitions_are_groups() -> None:
    hits = [Hit(key, key / 10) for key in range(3)]
    rows = {key: image_record(key + 1, partition=name) for key, name in enumerate(["anna", "", "anna"])}
    assert [hit.key for hit in one_of_each(hits, rows, "partition")] == [0, 1]
