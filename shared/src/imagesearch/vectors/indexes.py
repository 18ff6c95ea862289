"""Say which index a collection may have, and what a store can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from imagesearch.errors import UnsupportedByStore

IndexType = Literal["AUTOINDEX", "HNSW", "IVF_SQ8", "DISKANN", "FLAT"]

_INDEX_PARAMS: dict[IndexType, dict[str, tuple[int, int]]] = {
    "AUTOINDEX": {},
    "HNSW": {"M": (4, 64), "efConstruction": (8, 512)},
    "IVF_SQ8": {"nlist": (1, 65_536)},
    "DISKANN": {},
    "FLAT": {},
}


_BUILT_BY_DEFAULT: dict[IndexType, dict[str, int]] = {
    "HNSW": {"M": 32, "efConstruction": 360},
    "IVF_SQ8": {"nlist": 256},
}
_SEARCH_PARAMS: dict[IndexType, frozenset[str]] = {
    # What is behind it is the store's choice.
    "AUTOINDEX": frozenset({"ef", "search_list", "nprobe"}),
    "HNSW": frozenset({"ef"}),
    "IVF_SQ8": frozenset({"nprobe"}),
    "DISKANN": frozenset({"search_list"}),
    "FLAT": frozenset(),
}


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """Choose the index of a collection and the parameters that it is built with.

    Raises:
        UnsupportedByStore: no store has such an index, or it does not take such a parameter.
    """

    index_type: IndexType = "AUTOINDEX"
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.index_type not in _INDEX_PARAMS:
            raise UnsupportedByStore(f"index {self.index_type!r}: one of {', '.join(_INDEX_PARAMS)} is expected")
        known = _INDEX_PARAMS[self.index_type]
        for name, value in self.params.items():
            if name not in known:
                takes = ", ".join(known) or "no parameters"
                raise UnsupportedByStore(f"index {self.index_type}: takes {takes}, not {name!r}")
            low, high = known[name]
            if type(value) is not int or not low <= value <= high:
                raise UnsupportedByStore(f"index {self.index_type}: {name} is a whole number from {low} to {high}")

    @property
    def built_with(self) -> dict[str, Any]:
        """Return all parameters that the index is built with, those included that nobody chose."""
        return {**_BUILT_BY_DEFAULT.get(self.index_type, {}), **self.params}

    def read_of(self, effort: Mapping[str, int]) -> dict[str, int]:
        """Return the parameters of a search that an index of this type reads."""
        return {name: value for name, value in effort.items() if name in _SEARCH_PARAMS[self.index_type]}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Say what the store in use can do.

    Attributes:
        product: its name and version, for people.
        index_types: the index types that it builds.
        partition_key: rows of one partition lie together, so that a search within it reads only a part.
        one_writer: only one process may write at a time.
        lists_vectors: a search answers with whole rows unless it is told which fields are wanted.
    """

    product: str
    index_types: frozenset[IndexType]
    partition_key: bool
    one_writer: bool
    lists_vectors: bool = False

    def require_index(self, spec: IndexSpec) -> None:
        """Check an index type.

        Raises:
            UnsupportedByStore: this store cannot build it; the message names what it can.
        """
        if spec.index_type not in self.index_types:
            able = ", ".join(sorted(self.index_types))
            raise UnsupportedByStore(f"index {spec.index_type}: {self.product} builds {able}")
