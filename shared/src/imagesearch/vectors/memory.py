"""Keep vectors in memory and compare all of them: what the store does, without a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Vectors
from imagesearch.errors import NotFound
from imagesearch.vectors.filters import Filter, matches
from imagesearch.vectors.indexes import Capabilities, IndexSpec, IndexType
from imagesearch.vectors.port import (
    DISTANCE_DECIMALS,
    MAX_WINDOW,
    Hit,
    Look,
    VectorStore,
    check_partition,
    check_window,
    checked_rows,
)


@dataclass(frozen=True, slots=True)
class _Row:
    vector: npt.NDArray[np.float32]
    partition: str
    metadata: dict[str, Any]


@dataclass(slots=True)
class _Collection:
    index: IndexSpec
    dimension: int
    rows: dict[int, _Row] = field(default_factory=dict)


class InMemoryVectorStore(VectorStore):
    """Answer exactly and at once; for tests and trials."""

    def __init__(self) -> None:
        self._collections: dict[str, _Collection] = {}
        self._lock = RLock()

    @property
    def capabilities(self) -> Capabilities:
        """Tell that every index type is accepted; all of them compare every row."""
        return Capabilities(
            "the store in memory", frozenset(get_args(IndexType)), partition_key=False, one_writer=False
        )

    def ping(self) -> None:
        """Return at once."""

    def close(self) -> None:
        """Keep everything: there is no connection."""

    def ensure_collection(self, name: str, index: IndexSpec, dimension: int, *, wait: bool = True) -> None:
        """Create a collection unless it exists."""
        self.capabilities.require_index(index)
        with self._lock:
            self._collections.setdefault(name, _Collection(index, dimension))

    def has_collection(self, name: str) -> bool:
        """Tell whether there is such a collection."""
        with self._lock:
            return name in self._collections

    def collections(self) -> list[str]:
        """Return the names of all collections."""
        with self._lock:
            return sorted(self._collections)

    def drop_collection(self, name: str) -> None:
        """Remove a collection with all its rows; nothing happens when there is none."""
        with self._lock:
            self._collections.pop(name, None)

    def upsert(
        self,
        name: str,
        keys: Sequence[int] | npt.NDArray[np.int64],
        vectors: Vectors,
        partitions: Sequence[str],
        metadata: Sequence[Mapping[str, Any]],
    ) -> None:
        """Write rows; a row that exists is replaced wholly."""
        positions = checked_rows(keys, vectors, partitions, metadata)
        with self._lock:
            rows = self._rows(name)
            self._check_dimension(name, vectors)
            for at in positions:
                partition = check_partition(partitions[at])
                rows[int(keys[at])] = _Row(vectors[at].copy(), partition, dict(metadata[at]))

    def delete(self, name: str, keys: Sequence[int] | npt.NDArray[np.int64]) -> None:
        """Remove rows; keys without a row are passed over."""
        with self._lock:
            rows = self._rows(name)
            for key in keys:
                rows.pop(int(key), None)

    def fetch_vectors(
        self, name: str, keys: Sequence[int] | npt.NDArray[np.int64], *, strong: bool = False
    ) -> dict[int, npt.NDArray[np.float32]]:
        """Return float32[dimension] by key, for those keys that have a row."""
        with self._lock:
            rows = self._rows(name)
            return {int(key): rows[int(key)].vector.copy() for key in keys if int(key) in rows}

    def search(
        self,
        name: str,
        vectors: Vectors,
        *,
        limit: int,
        offset: int = 0,
        partition: str | None = None,
        where: Filter | None = None,
        max_distance: float | None = None,
        tell: Callable[[Look], None] | None = None,
    ) -> list[list[Hit]]:
        """Compare each query with every row that partition and filter leave."""
        check_window(vectors, limit, offset)
        check_partition(partition or "")
        with self._lock:
            self._rows(name)
            self._check_dimension(name, vectors)
            left = [
                (key, row.vector)
                for key, row in self._rows(name).items()
                if (partition is None or row.partition == partition)
                and (where is None or matches(where, row.metadata))
            ]
        if tell is not None:
            tell(Look(limit + offset, {}, "Strong"))
        if not left:
            return [[] for _ in vectors]
        keys = np.array([key for key, _ in left], dtype=np.int64)
        cosines = np.asarray(vectors, dtype=np.float64) @ np.stack([vector for _, vector in left]).T.astype(float)
        found: list[list[Hit]] = []
        for distances in np.round(np.clip(1 - cosines, 0, 1), DISTANCE_DECIMALS):
            order = np.lexsort((keys, distances))[offset : offset + limit]
            hits = [Hit(int(keys[at]), float(distances[at])) for at in order]
            found.append([hit for hit in hits if max_distance is None or hit.distance <= max_distance])
        return found

    def count(self, name: str, *, strong: bool = False) -> int:
        """Return the number of rows; every write is visible at once."""
        with self._lock:
            return len(self._rows(name))

    def keys(self, name: str, *, after: int = 0, limit: int = MAX_WINDOW) -> list[int]:
        """Return the `limit` smallest keys above `after`, in ascending order."""
        with self._lock:
            return sorted(key for key in self._rows(name) if key > after)[:limit]

    def compact(self, name: str) -> None:
        """Do nothing: there is no index."""
        with self._lock:
            self._rows(name)

    def _check_dimension(self, name: str, vectors: Vectors) -> None:
        wanted = self._collections[name].dimension
        if len(vectors) and vectors.shape[1] != wanted:
            raise ValueError(f"vectors: {vectors.shape} is not [n, {wanted}]")

    def _rows(self, name: str) -> dict[int, _Row]:
        if name not in self._collections:
            raise NotFound(f"There is no vector collection {name!r}.")
        return self._collections[name].rows
