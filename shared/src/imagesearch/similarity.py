"""Group pictures that are alike; two pictures of a group may be linked by any number of others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Vectors

DISTANCE_DECIMALS = 6
"""Distances are rounded as in searches, so that a threshold means the same in both."""
BLOCK_ROWS = 256
"""Rows compared with all others at once: 10 MB of distances for 5,000 pictures."""


@dataclass(frozen=True, slots=True)
class Group:
    """Hold pictures that are alike.

    Attributes:
        members: for each id, in ascending order, the distance to the nearest other picture of the group.
    """

    members: dict[int, float]

    @property
    def id(self) -> int:
        """Return the smallest id."""
        return next(iter(self.members))


def groups_of_pairs(pairs: Iterable[tuple[int, int, float]]) -> list[Group]:
    """Return the groups that pairs of like pictures form, in the order of their smallest ids.

    Args:
        pairs: two different ids and their distance; a pair may come again.
    """
    parents: dict[int, int] = {}
    nearest: dict[int, float] = {}

    def root(member: int) -> int:
        parents.setdefault(member, member)
        while parents[member] != member:
            parents[member] = parents[parents[member]]
            member = parents[member]
        return member

    for first, second, distance in pairs:
        low, high = sorted((root(first), root(second)))
        parents[high] = low
        for member in (first, second):
            nearest[member] = min(distance, nearest.get(member, distance))
    found: dict[int, dict[int, float]] = {}
    for member in sorted(parents):
        found.setdefault(root(member), {})[member] = nearest[member]
    return [Group(members) for members in found.values()]


def groups_of_vectors(ids: Sequence[int], vectors: Vectors, max_distance: float) -> list[Group]:
    """Return the groups that vectors form, each compared with each: for some thousands of pictures.

    Args:
        ids: ascending.
        vectors: float32[n, dimension] of length 1, one row for each id.
        max_distance: two pictures that are at most this far apart belong to one group.
    """
    labels = np.arange(len(ids))
    nearest = np.full(len(ids), np.inf)
    for start in range(0, len(ids), BLOCK_ROWS):
        distances = _distances(vectors[start : start + BLOCK_ROWS], vectors)
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        nearest[start : start + BLOCK_ROWS] = distances.min(axis=1, initial=np.inf)
        alike = distances <= max_distance
        for row in map(int, np.flatnonzero(alike.any(axis=1))):
            touched = labels[alike[row]]
            own = labels[start + row]
            if (touched != own).any():
                joined = np.append(np.unique(touched), own)
                labels[np.isin(labels, joined)] = joined.min()
    found: dict[int, dict[int, float]] = {}
    for at in map(int, np.flatnonzero(nearest <= max_distance)):
        found.setdefault(int(labels[at]), {})[int(ids[at])] = float(nearest[at])
    return [Group(members) for _, members in sorted(found.items())]


def distance_between(first: Vectors, second: Vectors) -> float:
    """Return the distance of two unit vectors of one dimension: 1 - cosine, in 0..1."""
    return float(_distances(first[None, :], second[None, :])[0, 0])


def _distances(rows: Vectors, columns: Vectors) -> npt.NDArray[np.float64]:
    cosines = np.asarray(rows @ columns.T, dtype=np.float64)
    return np.clip(1.0 - cosines, 0.0, 1.0).round(DISTANCE_DECIMALS)
