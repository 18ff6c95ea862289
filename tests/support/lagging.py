"""A vector store in memory whose reads may be behind its writes, as those of a Milvus cluster are."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from imagesearch.vectors import IndexSpec
from imagesearch.vectors.memory import InMemoryVectorStore

READS = ("search", "fetch_vectors", "keys", "count")


class LaggingStore:
    """Show what was written up to the last `catch_up`, but to reads that ask for everything."""

    def __init__(self) -> None:
        self.written = InMemoryVectorStore()
        self._seen = InMemoryVectorStore()

    def catch_up(self) -> None:
        """Show everything that has been written."""
        with self.written._lock:
            self._seen._collections = deepcopy(self.written._collections)

    def ensure_collection(self, name: str, index: IndexSpec, dimension: int, *, wait: bool = True) -> None:
        """Make a collection, for reads as well."""
        self.written.ensure_collection(name, index, dimension)
        self._seen.ensure_collection(name, index, dimension)

    def drop_collection(self, name: str) -> None:
        """Drop a collection, for reads as well: nobody finds one that is gone."""
        self.written.drop_collection(name)
        self._seen.drop_collection(name)

    def __getattr__(self, name: str) -> Any:
        if name not in READS:
            return getattr(self.written, name)

        def read(*args: Any, strong: bool = False, **named: Any) -> Any:
            if strong:
                self.catch_up()
            return getattr(self._seen, name)(*args, **named)

        return read
