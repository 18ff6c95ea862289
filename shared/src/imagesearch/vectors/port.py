"""Say what the product asks of a vector store; Milvus and its in-memory twin both answer to this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Vectors
from imagesearch.vectors.filters import Filter
from imagesearch.vectors.indexes import Capabilities, IndexSpec

MAX_WINDOW = 16_384
"""The largest `limit` and `offset + limit`: https://milvus.io/docs/limitations.md."""
MAX_PARTITION_BYTES = 512
"""The longest partition name in UTF-8."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Name one vector that a search found.

    Attributes:
        key: the vector's.
        distance: 1 - cosine, clipped to 0..1 and rounded to `DISTANCE_DECIMALS`; smaller is more similar.
    """

    key: int
    distance: float


@dataclass(frozen=True, slots=True)
class Look:
    """Say how a search looked once: a search may look deeper when it has not seen enough.

    Attributes:
        rows: nearest rows that it asked for, for each query vector.
        effort: how hard it looked, by the parameters of all index types; each reads its own.
        consistency: how far behind the writes of others it may have read, in the words of Milvus.
    """

    rows: int
    effort: Mapping[str, int]
    consistency: str


DISTANCE_DECIMALS = 6
"""float32 sums over 512 numbers are good to about 1e-7: without rounding, equal vectors in two segments lie
at two distances, a self match lies below 0, and neither ties nor thresholds mean anything."""


class VectorStore(ABC):
    """Keep float32 unit vectors by key, of one length in a collection, with partitions and metadata to filter by.

    Who writes or searches knows the dimension of the collection: another one is an error of the program. Every
    method raises `StoreUnavailable` when the store does not answer, and all but `ensure_collection`,
    `has_collection`, `collections` and `drop_collection` raise `NotFound` when there is no such collection. Reads
    may be some seconds behind the writes of other processes; those with ``strong`` wait until they are not.
    """

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """Tell what this store can do."""

    @abstractmethod
    def ping(self) -> None:
        """Return when the store answers."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""

    @abstractmethod
    def ensure_collection(self, name: str, index: IndexSpec, dimension: int, *, wait: bool = True) -> None:
        """Create a collection unless it exists, and make it ready for searches.

        Args:
            name: of the collection.
            index: how its vectors are searched.
            dimension: numbers of a vector.
            wait: until it can be searched; else the first read does. Writing needs no wait.

        Raises:
            UnsupportedByStore: the store cannot build that index.
        """

    @abstractmethod
    def has_collection(self, name: str) -> bool:
        """Tell whether there is such a collection."""

    @abstractmethod
    def collections(self) -> list[str]:
        """Return the names of all collections."""

    @abstractmethod
    def drop_collection(self, name: str) -> None:
        """Remove a collection with all its rows; nothing happens when there is none."""

    @abstractmethod
    def upsert(
        self,
        name: str,
        keys: Sequence[int] | npt.NDArray[np.int64],
        vectors: Vectors,
        partitions: Sequence[str],
        metadata: Sequence[Mapping[str, Any]],
    ) -> None:
        """Write rows; a row that exists is replaced wholly, its partition included.

        Of a key that is given several times the last row stays. Only strings, finite numbers and booleans
        at the top level of `metadata` can be filtered by, under names that `filters.FIELD_NAME` matches;
        everything else in it is ignored.

        Args:
            vectors: float32[n, dimension] of length 1.

        Raises:
            ValueError: the arguments are not n of each, or not of these shapes.
        """

    @abstractmethod
    def delete(self, name: str, keys: Sequence[int] | npt.NDArray[np.int64]) -> None:
        """Remove rows; keys without a row are passed over."""

    @abstractmethod
    def fetch_vectors(
        self, name: str, keys: Sequence[int] | npt.NDArray[np.int64], *, strong: bool = False
    ) -> dict[int, npt.NDArray[np.float32]]:
        """Return float32[dimension] by key, for those keys that have a row.

        Args:
            strong: see everything that was written before, by anybody.
        """

    @abstractmethod
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
        """Return the rows nearest to each query vector: nearest first, ties by key.

        Pages of one query join without a gap or a repeat while nothing is written.

        Args:
            vectors: float32[n, dimension] of length 1.
            limit: rows per query; with `offset` at most `MAX_WINDOW`.
            partition: search only rows of this partition.
            where: search only rows whose metadata matches.
            max_distance: leave out what is farther away than this.
            tell: is told of each look.

        Raises:
            ValueError: the window or the vectors' shape is not as said.
        """

    @abstractmethod
    def count(self, name: str, *, strong: bool = False) -> int:
        """Return the exact number of rows.

        Args:
            strong: wait until everything that was written before, by anybody, is visible to searches.
        """

    @abstractmethod
    def keys(self, name: str, *, after: int = 0, limit: int = MAX_WINDOW) -> list[int]:
        """Return the `limit` smallest keys above `after`, in ascending order; fewer when there are no more."""

    @abstractmethod
    def compact(self, name: str) -> None:
        """Settle what was written in bulk, so that searches use the index; to be called after a bulk load."""


def checked_rows(
    keys: Sequence[int] | npt.NDArray[np.int64], vectors: Vectors, *others: Sequence[Any]
) -> npt.NDArray[np.int64]:
    """Return the positions of the rows to write: of each key the last one.

    Raises:
        ValueError: the lengths differ, or the vectors are not finite float32[n, dimension].
    """
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise ValueError(f"vectors: {vectors.dtype}{vectors.shape} is not float32[n, dimension]")
    lengths = {len(keys), len(vectors), *map(len, others)}
    if len(lengths) != 1:
        raise ValueError(f"rows: keys, vectors, partitions and metadata are of {sorted(lengths)} lengths")
    if not np.isfinite(vectors).all():
        raise ValueError("vectors: not all numbers are finite")
    last = {int(key): position for position, key in enumerate(keys)}
    return np.fromiter(last.values(), dtype=np.int64, count=len(last))


def check_window(vectors: Vectors, limit: int, offset: int) -> None:
    """Check what every search asks for.

    Raises:
        ValueError: the window is empty, negative or too large, or the vectors are not [n, dimension].
    """
    if limit < 1 or offset < 0 or limit + offset > MAX_WINDOW:
        raise ValueError(f"window: offset {offset} and limit {limit} do not lie within {MAX_WINDOW}")
    if vectors.ndim != 2:
        raise ValueError(f"vectors: {vectors.shape} is not [n, dimension]")


def check_partition(partition: str) -> str:
    """Return the partition.

    Raises:
        ValueError: its name is too long.
    """
    if len(partition.encode()) > MAX_PARTITION_BYTES:
        raise ValueError(f"partition: longer than {MAX_PARTITION_BYTES} bytes")
    return partition
