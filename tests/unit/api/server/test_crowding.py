"""Whoever holds most connections loses some, and nobody else."""

from __future__ import annotations

from imagesearch_api.server.crowding import leaving


def test_those_of_the_largest_crowd_go_and_its_first_ones_first() -> None:
    waiting = [("a", 1), ("b", 2), ("b", 3), ("c", 4), ("b", 5), ("a", 6)]
    assert leaving(waiting, 1) == [2]
    assert leaving(waiting, 2) == [2, 3]
    assert leaving(waiting, 4) == [2, 3]


def test_whoever_has_one_keeps_it() -> None:
    assert leaving([("a", 1), ("b", 2)], 2) == []
    assert leaving([], 2) == []
