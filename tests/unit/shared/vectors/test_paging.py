"""Pages of an index that finds more the harder it looks still join."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagesearch.vectors.paging import DEPTHS, Depth, Pages
from imagesearch.vectors.port import MAX_WINDOW, Hit

ROWS = 20_000
COSINES = np.linspace(1.0, 0.0, ROWS)
LUCK = np.random.default_rng(1).random(ROWS)


@cache
def forgetful(depth: Depth) -> list[tuple[int, float]]:
    """Find the nearest rows, but miss each with a chance that falls with the depth."""
    seen = np.flatnonzero(20 / depth.candidates < LUCK)[: depth.rows]
    return [(int(row_id), float(COSINES[row_id])) for row_id in seen]


def page(limit: int, offset: int, max_distance: float | None = None) -> list[Hit]:
    pages = Pages(1, limit, offset, max_distance)
    for depth in DEPTHS:
        pages.add([forgetful(depth)], depth)
        if pages.are_complete():
            break
    return pages.cut()[0]


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(st.sets(st.one_of(st.integers(1, 1_500), st.integers(1, MAX_WINDOW)), min_size=1, max_size=8))
def test_pages_of_any_sizes_join(edges: set[int]) -> None:
    seen: list[int] = []
    for begin, end in pairwise([0, *sorted(edges)]):
        hits = page(end - begin, begin)
        assert len(hits) == end - begin
        assert hits == sorted(hits, key=lambda hit: (hit.distance, hit.key))
        seen += [hit.key for hit in hits]
    assert len(seen) == len(set(seen))
    assert set(seen) == {hit.key for hit in page(max(edges), 0)}


def test_pages_that_ask_for_just_what_they_need_would_not_join() -> None:
    shallow, deeper = forgetful(Depth(10, 40)), forgetful(Depth(20, 80))
    assert {row_id for row_id, _ in shallow} & {row_id for row_id, _ in deeper[10:]}


def test_a_page_within_the_first_depth_costs_one_search() -> None:
    # The last row of all may be joined by others as far away.
    pages = Pages(1, 10, DEPTHS[0].rows - 11, None)
    pages.add([forgetful(DEPTHS[0])], DEPTHS[0])
    assert pages.are_complete()
    pages = Pages(1, 10, DEPTHS[0].rows - 10, None)
    pages.add([forgetful(DEPTHS[0])], DEPTHS[0])
    assert not pages.are_complete()


def test_nothing_deeper_is_asked_for_when_the_rows_or_the_distance_end() -> None:
    few = Pages(2, 1_000, 0, 0.001)
    few.add([forgetful(DEPTHS[0])[:20], forgetful(DEPTHS[0])], DEPTHS[0])
    assert few.are_complete()
    before = [list(hits) for hits in few.cut()]
    few.add([forgetful(DEPTHS[1])] * 2, DEPTHS[1])
    assert few.cut() == before
    assert all(hit.distance <= 0.001 for hits in before for hit in hits)


@pytest.mark.parametrize(
    ("cosine", "distance"),
    [(1.0, 0.0), (1.0000001, 0.0), (0.9999999, 0.0), (0.25, 0.75), (-0.3, 1.0), (0.1234567, 0.876543)],
)
def test_distances_are_clipped_and_rounded(cosine: float, distance: float) -> None:
    pages = Pages(1, 1, 0, None)
    pages.add([[(1, cosine)]], DEPTHS[0])
    assert pages.cut() == [[Hit(1, distance)]]


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
    st.sets(st.integers(1, 600), min_size=1, max_size=8),
    st.integers(0, 2**32).map(Random),
)
def test_rows_of_one_distance_come_in_the_order_of_their_ids_however_many(
    groups: list[int], edges: set[int], chance: Random
) -> None:
    distances = [group / 100 for group, size in enumerate(groups) for _ in range(size)]
    ids = chance.sample(range(10_000), len(distances))
    rows = list(zip(ids, distances, strict=True))

    def some(depth: Depth) -> list[tuple[int, float]]:
        """Find the nearest, and of the last distance that it has room for any rows."""
        mixed = chance.sample(rows, len(rows))
        return [(row_id, 1 - far) for row_id, far in sorted(mixed, key=lambda row: row[1])[: depth.rows]]

    def ask(limit: int, offset: int) -> list[int]:
        pages = Pages(1, limit, offset, None)
        for depth in DEPTHS:
            pages.add([some(depth)], depth)
            if pages.are_complete():
                break
        return [hit.key for hit in pages.cut()[0]]

    right = [row_id for row_id, _ in sorted(rows, key=lambda row: (row[1], row[0]))]
    seen = [row_id for begin, end in pairwise([0, *sorted(edges)]) for row_id in ask(end - begin, begin)]
    assert seen == right[: max(edges)]
