"""Groups of like pictures grow from one to the next, and end at their spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from imagesearch import similarity
from imagesearch.contract import Vectors
from imagesearch.networks import VGG16
from imagesearch.similarity import Group, Grouping, distance_between, distances_from, groups_of_vectors


def turned(*degrees: float) -> Vectors:
    """Return unit vectors in one plane, at these angles."""
    angles = np.radians(np.array(degrees))
    vectors = np.zeros((len(degrees), VGG16.dimension), dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
    return vectors


def far(degrees: float) -> float:
    """Return the distance of two vectors that far apart."""
    return round(1 - float(np.cos(np.radians(degrees))), 6)


def test_a_chain_ends_where_the_group_of_its_beginning_does() -> None:
    ids, degrees = list(range(1, 101)), [3.0 * step for step in range(100)]
    groups = groups_of_vectors(ids, turned(*degrees), far(3.1))
    assert len(groups) > 15
    left_out = set(ids) - {image_id for group in groups for image_id in group.members}
    assert left_out <= {100}, "the last one lies near nothing but the end of a group"
    for group in groups:
        assert max(abs(degrees[one - 1] - degrees[group.id - 1]) for one in group.members) <= 6.21


def test_like_pictures_within_the_spread_of_the_first_are_one_group_in_any_order() -> None:
    degrees = np.random.default_rng(1).permutation(np.arange(0, 5, 0.05))
    (group,) = groups_of_vectors(list(range(100)), turned(*degrees), far(2.6))
    assert (group.id, list(group.members)) == (0, list(range(100)))


def test_a_picture_between_two_groups_makes_them_one_where_the_first_reaches_the_others() -> None:
    found = groups_of_vectors([1, 2, 3, 4, 5], turned(0, 12, 1, 13, 7), far(6))
    assert [list(group.members) for group in found] == [[1, 3], [2, 4, 5]], "13 degrees are out of reach of 12"
    found = groups_of_vectors([1, 2, 3, 4, 5], turned(0, 10, 1, 11, 6), far(5.6))
    assert [list(group.members) for group in found] == [[1, 2, 3, 4, 5]]


def test_a_group_that_is_large_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "MERGED_MEMBERS", 1)
    found = groups_of_vectors([1, 2, 3, 4, 5], turned(0, 10, 1, 11, 6), far(5.6))
    assert len(found) == 2


def test_groups_grow_in_parts_as_they_do_at_once() -> None:
    ids, most = list(range(1, 41)), far(2)
    vectors = turned(*np.random.default_rng(2).permutation(np.linspace(0, 60, 40)))
    kept: dict[int, int] = {}

    def distances(first: int, others: Sequence[int]) -> dict[int, float]:
        found = distances_from(vectors[first - 1], vectors[[one - 1 for one in others]])
        return dict(zip(others, found, strict=True))

    def members(group: int) -> list[int]:
        return sorted(image_id for image_id, its_group in kept.items() if its_group == group)

    for image_id in ids:
        near = {one: away for one, away in distances(image_id, ids).items() if one != image_id and away <= most}
        known = {one: kept[one] for one in (image_id, *near) if one in kept}
        grouping = Grouping(reach=4 * most, groups=known, distances=distances, members=members)
        grouping.add(image_id, near)
        kept |= grouping.groups
    whole = groups_of_vectors(ids, vectors, most)
    assert {group.id: list(group.members) for group in whole} == {group: members(group) for group in kept.values()}
    assert len(whole) > 5


def test_vectors_form_groups_within_the_distance_from_one_to_the_next() -> None:
    found = groups_of_vectors([1, 4, 6, 8, 9], turned(0, 50, 10, 55, 20), far(12))
    assert [group.id for group in found] == [1, 4]
    assert found[0].members == pytest.approx({1: far(10), 6: far(10), 9: far(10)}, abs=2e-6)
    assert found[1].members == pytest.approx({4: far(5), 8: far(5)}, abs=2e-6)


def test_equal_vectors_are_alike_at_distance_zero_and_others_are_not() -> None:
    assert groups_of_vectors([1, 2, 3], turned(3, 30, 3), 0.0) == [Group(1, {1: 0.0, 3: 0.0})]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_compare_form_no_group(count: int) -> None:
    assert groups_of_vectors(list(range(count)), turned(*range(count)), 1.0) == []


def test_blocks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    made = np.random.default_rng(5).random((70, VGG16.dimension), dtype=np.float32)
    made[40:] = made[:30] + np.float32(0.01) * made[30:60]
    vectors = made / np.linalg.norm(made, axis=1, keepdims=True)
    whole = [list(group.members) for group in groups_of_vectors(list(range(70)), vectors, 0.01)]
    monkeypatch.setattr(similarity, "BLOCK_ROWS", 7)
    assert [list(group.members) for group in groups_of_vectors(list(range(70)), vectors, 0.01)] == whole
    assert len(whole) >= 25


def test_the_distance_of_two_pictures_is_one_minus_their_cosine() -> None:
    first, second = turned(0, 60)
    assert distance_between(first, second) == pytest.approx(0.5, abs=1e-6)
    assert distance_between(first, first) == 0.0
    assert distance_between(first, -first) == 1.0
