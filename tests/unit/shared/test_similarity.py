"""Groups of like pictures: from pairs, and from vectors compared each with each."""

from __future__ import annotations

import numpy as np
import pytest

from imagesearch import similarity
from imagesearch.contract import Vectors
from imagesearch.networks import VGG16
from imagesearch.similarity import Group, distance_between, groups_of_pairs, groups_of_vectors


def turned(*degrees: float) -> Vectors:
    """Return unit vectors in one plane, at these angles."""
    angles = np.radians(np.array(degrees))
    vectors = np.zeros((len(degrees), VGG16.dimension), dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
    return vectors


def far(degrees: float) -> float:
    """Return the distance of two vectors that far apart."""
    return round(1 - float(np.cos(np.radians(degrees))), 6)


def test_pairs_form_groups_over_any_number_of_steps() -> None:
    pairs = [(7, 3, 0.2), (9, 7, 0.1), (20, 4, 0.0), (3, 7, 0.2)]
    assert groups_of_pairs(pairs) == [Group({3: 0.2, 7: 0.1, 9: 0.1}), Group({4: 0.0, 20: 0.0})]
    assert groups_of_pairs([]) == []


def test_the_order_of_pairs_does_not_matter() -> None:
    chain = [(image_id, image_id + 1, 0.1) for image_id in range(1, 200)]
    shuffled = [chain[at] for at in np.random.default_rng(1).permutation(len(chain))]
    assert groups_of_pairs(shuffled) == groups_of_pairs(chain)
    assert [len(group.members) for group in groups_of_pairs(shuffled)] == [200]


def test_vectors_form_groups_within_the_distance_from_one_to_the_next() -> None:
    found = groups_of_vectors([1, 4, 6, 8, 9], turned(0, 50, 10, 55, 20), far(12))
    assert [group.id for group in found] == [1, 4]
    assert found[0].members == pytest.approx({1: far(10), 6: far(10), 9: far(10)}, abs=2e-6)
    assert found[1].members == pytest.approx({4: far(5), 8: far(5)}, abs=2e-6)


def test_equal_vectors_are_alike_at_distance_zero_and_others_are_not() -> None:
    assert groups_of_vectors([1, 2, 3], turned(3, 30, 3), 0.0) == [Group({1: 0.0, 3: 0.0})]


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
    near = (1 - vectors @ vectors.T <= 0.01) & ~np.eye(70, dtype=bool)
    pairs = [(int(one), int(two), 0.0) for one, two in zip(*np.nonzero(near), strict=True)]
    assert whole == [list(group.members) for group in groups_of_pairs(pairs)]
    assert len(whole) >= 25


def test_the_distance_of_two_pictures_is_one_minus_their_cosine() -> None:
    first, second = turned(0, 60)
    assert distance_between(first, second) == pytest.approx(0.5, abs=1e-6)
    assert distance_between(first, first) == 0.0
    assert distance_between(first, -first) == 1.0
