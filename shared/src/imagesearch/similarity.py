"""Group pictures that are alike, picture by picture, so that it needs no more memory for more of them.

A group begins with a picture and grows from one to the next, but stays within a stated distance of its first one:
a chain of small differences ends there, and never makes one group of a whole library. A picture that lies near
nothing but the far ends of groups is in none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Vectors

DISTANCE_DECIMALS = 6
"""Distances are rounded as in searches, so that a threshold means the same in both."""
BLOCK_ROWS = 256
"""Rows compared with all others at once: 10 MB of distances for 5,000 pictures."""
NEIGHBOURS = 64
"""Nearest pictures that one is compared with. More copies than these still form one group: equal distances are
ordered by id, so that all of them lie near the same first ones."""
SPREAD = 4.0
"""How many times the greatest distance of two like pictures a group reaches from its first one: 1 - cosine grows
with the square of the angle, so that this is two steps in one direction."""
MERGED_MEMBERS = 100
"""Most pictures that one group takes over from another to which it turns out to be linked."""


@dataclass(frozen=True, slots=True)
class Group:
    """Hold pictures that are alike.

    Attributes:
        id: of the picture that it began with, whether or not that is there any more.
        members: for each id, in ascending order, the distance to the nearest other picture of the group.
    """

    id: int
    members: dict[int, float]


class Grouping:
    """Put pictures into groups, one after another in the order of their ids.

    Args:
        reach: how far from the first picture of a group another one may lie.
        groups: the groups that pictures are in already, by picture; all those that are about to be looked at.
        distances: returns how far pictures lie from one, by picture; those that cannot be compared are left out.
        members: returns the pictures of a group before this, or None where it has more than may be taken over.
    """

    def __init__(
        self,
        *,
        reach: float,
        groups: Mapping[int, int],
        distances: Callable[[int, Sequence[int]], Mapping[int, float]],
        members: Callable[[int], Sequence[int] | None],
    ) -> None:
        self.groups = dict(groups)
        """By picture, as they are now."""
        self.nearest: dict[int, float] = {}
        """The smallest distance found to another picture of the same group, by picture."""
        self._reach, self._distances, self._members = reach, distances, members

    def add(self, image_id: int, near: Mapping[int, float]) -> None:
        """Look at a picture, and put it and those that lie near it, given with their distances, into one group."""
        if not near:
            return
        is_new = image_id not in self.groups
        if is_new:
            self.groups[image_id] = self._find_group(image_id, near)
        self._take_in(image_id, near)
        for other in sorted({self.groups[each] for each in near if each in self.groups}):
            self._merge(self.groups[image_id], other)
        own = self.groups[image_id]
        together = [each for each in near if self.groups.get(each) == own]
        if not together and is_new:
            # All those near it lie at the far ends of their groups.
            del self.groups[image_id]
        for each in together:
            for one in (image_id, each):
                self.nearest[one] = min(near[each], self.nearest.get(one, near[each]))

    def _find_group(self, image_id: int, near: Mapping[int, float]) -> int:
        """Return the group of the nearest picture that reaches this one; its own where none does."""
        by_distance = sorted(near, key=lambda each: (near[each], each))
        groups = dict.fromkeys(self.groups[each] for each in by_distance if each in self.groups)
        return next((first for first in groups if self._is_reached(first, [image_id])), image_id)

    def _take_in(self, image_id: int, near: Mapping[int, float]) -> None:
        """Put those near a picture that are in no group into its own, as far as that reaches."""
        own, free = self.groups[image_id], [each for each in near if each not in self.groups]
        if own != image_id and free:
            found = self._distances(own, free)
            free = [each for each in free if found.get(each, np.inf) <= self._reach]
        self.groups.update(dict.fromkeys(free, own))

    def _merge(self, one: int, other: int) -> None:
        """Have the group that began first take over another one that is small and lies within its reach."""
        kept, gone = sorted((one, other))
        before = self._members(gone) if kept != gone else None
        if before is None:
            return
        moved = {each for each in before if self.groups.get(each, gone) == gone}
        moved |= {each for each, group in self.groups.items() if group == gone}
        if len(moved) <= MERGED_MEMBERS and self._is_reached(kept, sorted(moved)):
            self.groups.update(dict.fromkeys(moved, kept))

    def _is_reached(self, first: int, image_ids: Sequence[int]) -> bool:
        found = self._distances(first, image_ids)
        return all(found.get(each, np.inf) <= self._reach for each in image_ids)


def groups_of_vectors(ids: Sequence[int], vectors: Vectors, max_distance: float) -> list[Group]:
    """Return the groups that vectors form, each compared with each: for some thousands of pictures.

    Args:
        ids: ascending.
        vectors: float32[n, dimension] of length 1, one row for each id.
        max_distance: two pictures that are at most this far apart are alike.
    """
    rows = {image_id: row for row, image_id in enumerate(ids)}

    def distances(first: int, others: Sequence[int]) -> dict[int, float]:
        far = distances_from(vectors[rows[first]], vectors[[rows[each] for each in others]])
        return dict(zip(others, far, strict=True))

    grouping = Grouping(reach=SPREAD * max_distance, groups={}, distances=distances, members=lambda _: ())
    for start in range(0, len(ids), BLOCK_ROWS):
        compared = _distances(vectors[start : start + BLOCK_ROWS], vectors)
        for row, far in enumerate(compared, start):
            far[row] = np.inf
            grouping.add(ids[row], _near(ids, far, max_distance))
    found: dict[int, dict[int, float]] = {}
    for image_id in sorted(grouping.groups):
        found.setdefault(grouping.groups[image_id], {})[image_id] = grouping.nearest[image_id]
    return [Group(first, found[first]) for first in sorted(found)]


def _near(ids: Sequence[int], far: npt.NDArray[np.float64], max_distance: float) -> dict[int, float]:
    """Return the nearest pictures within a distance, given that of each."""
    within = np.flatnonzero(far <= max_distance)
    nearest = within[np.argsort(far[within], kind="stable")[:NEIGHBOURS]]
    return {ids[at]: float(far[at]) for at in map(int, nearest)}


def distance_between(first: Vectors, second: Vectors) -> float:
    """Return the distance of two unit vectors of one dimension: 1 - cosine, in 0..1."""
    return distances_from(first, second[None, :])[0]


def distances_from(first: Vectors, others: Vectors) -> list[float]:
    """Return the distances of unit vectors, a row each, from one of the same dimension."""
    return [float(far) for far in _distances(first[None, :], others)[0]]


def _distances(rows: Vectors, columns: Vectors) -> npt.NDArray[np.float64]:
    cosines = np.asarray(rows @ columns.T, dtype=np.float64)
    return np.clip(1.0 - cosines, 0.0, 1.0).round(DISTANCE_DECIMALS)
