"""Cut pages out of searches whose depth does not depend on the page, so that pages of one query join.

An approximate index that is asked for 20 rows may find one among the first 10 that it missed when it was asked
for 10: pages that each ask for just as much as they need repeat rows and leave others out. So a search always
goes to one of few depths. A page beyond the first depth continues the list of that depth with what the next
one finds in addition, whatever the page's size: every page is cut out of the same list.

Rows of one distance stand in the order of their keys. Which of them a search returns when it must leave some out
is chance, so a page that reaches into the rows at the end of a list waits until the next depth has found the
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagesearch.vectors.port import DISTANCE_DECIMALS, MAX_WINDOW, Hit


@dataclass(frozen=True, slots=True)
class Depth:
    """Say how many rows a search asks for and how hard it looks.

    Attributes:
        candidates: rows that an HNSW or DISKANN index keeps in view while it looks. On 20,000 vectors with
            the AUTOINDEX of Milvus 2.3.5, two cores: recall@10 of vectors in families, or with few degrees of
            freedom, was 1.0 from 128 on; of vectors of pure noise, which no index serves, 0.53 with 128, 0.72
            with 256 and 0.88 with 512. One search took 2.0, 2.5 and 3.5 ms.
    """

    rows: int
    candidates: int

    @property
    def effort(self) -> dict[str, int]:
        """Return the search parameters of every index type; each takes its own."""
        # Half of the lists of a default IVF_SQ8 index: recall@10 0.99, where 16 gave 0.93 (20,000 vectors). Of
        # 100,000 it found 0.965, where IVF_FLAT found all by the same lists.
        return {"ef": self.candidates, "search_list": self.candidates, "nprobe": 128}


DEPTHS = (Depth(32, 256), Depth(128, 512), Depth(1_024, 2_048), Depth(MAX_WINDOW, MAX_WINDOW))


class Pages:
    """Collect what searches found, for each query of a batch."""

    def __init__(self, queries: int, limit: int, offset: int, max_distance: float | None) -> None:
        self._window = slice(offset, offset + limit)
        self._max_distance = max_distance
        self._lists: list[list[Hit]] = [[] for _ in range(queries)]
        self._is_last = [False] * queries

    def add(self, answers: Sequence[Sequence[tuple[int, float]]], depth: Depth) -> None:
        """Continue each list with those rows, as key and cosine, that it lacks; the nearest first, ties by key."""
        for query, answer in enumerate(answers):
            if self._is_last[query]:
                continue
            known = {hit.key for hit in self._lists[query]}
            hits = sorted((Hit(key, _distance(cosine)) for key, cosine in answer if key not in known), key=_rank)
            found = self._lists[query]
            if found:
                # Those that are as far away as the end of the list belong there, and not behind it.
                end, farthest = self._closed(query), found[-1].distance
                found[end:] = sorted(found[end:] + [hit for hit in hits if hit.distance == farthest], key=_rank)
                hits = [hit for hit in hits if hit.distance != farthest]
            found += hits
            is_far = bool(found) and self._max_distance is not None and found[-1].distance > self._max_distance
            self._is_last[query] = is_far or len(answer) < depth.rows

    def are_complete(self) -> bool:
        """Tell whether no deeper search could change a page."""
        return all(
            is_last or self._window.stop <= self._closed(query) for query, is_last in enumerate(self._is_last)
        )

    def cut(self) -> list[list[Hit]]:
        """Return the page of each query."""
        return [
            [
                hit
                for hit in sorted(found[self._window], key=_rank)
                if self._max_distance is None or hit.distance <= self._max_distance
            ]
            for found in self._lists
        ]

    def _closed(self, query: int) -> int:
        """Return how many rows of a list stand before those at its end, which others as far away may join."""
        found = self._lists[query]
        index = len(found)
        while index and found[index - 1].distance == found[-1].distance:
            index -= 1
        return index


def _distance(cosine: float) -> float:
    return round(min(max(1.0 - cosine, 0.0), 1.0), DISTANCE_DECIMALS)


def _rank(hit: Hit) -> tuple[float, int]:
    return hit.distance, hit.key
