"""Keep vectors in Milvus, or in Milvus Lite where one machine is enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Vectors
from imagesearch.errors import NotFound
from imagesearch.settings import MilvusSettings
from imagesearch.vectors import schema
from imagesearch.vectors.connection import CollectionNotLoaded, MilvusConnection
from imagesearch.vectors.expression import by_kind, expression, quoted
from imagesearch.vectors.filters import Filter
from imagesearch.vectors.indexes import Capabilities, IndexSpec
from imagesearch.vectors.paging import DEPTHS, Pages
from imagesearch.vectors.port import (
    MAX_WINDOW,
    Hit,
    Look,
    VectorStore,
    check_partition,
    check_window,
    checked_rows,
)
from imagesearch.vectors.schema import PARTITIONS
from imagesearch.vectors.versions import capabilities_of

CHUNK_ROWS = 500
"""Rows of one request: 1 MB of vectors of 512 numbers, and with the longest metadata that Milvus takes (64 KB)
half of the 64 MB that a request may have."""
FIRST_ROWS = 100
"""Rows that are read before it is known how long the collection's vectors are: 13 MB of the longest."""
CHUNK_NUMBERS = 4_096_000
"""Numbers of one request, 16 MB: longer vectors go in smaller chunks."""
SETTLE_ROWS = 1_000
"""Fewer new rows than this are not worth a segment of their own."""
SEARCHED_AT = "Bounded"
"""How far behind the writes of others a search may read: by some seconds."""
FLUSH_SECONDS = 60.0
"""Milvus Lite writes a flush before it answers; 20,000 rows took 1.1 s on two cores."""

_lite_writer = Lock()


class MilvusVectorStore(VectorStore):
    """Speak to one Milvus server; may be shared by threads and used after a fork."""

    def __init__(self, settings: MilvusSettings, *, partition_key: bool | None = None) -> None:
        """Connect to nothing yet.

        Args:
            partition_key: lay rows of one partition together in collections made from now on; None does so
                where the server can.
        """
        self.settings = settings
        self._timeout = settings.milvus_timeout
        self._connection = MilvusConnection(settings)
        self._partition_key = partition_key
        self._capabilities: Capabilities | None = None
        self._unsettled: Counter[str] = Counter()
        self._making = Lock()

    @property
    def capabilities(self) -> Capabilities:
        """Tell what the server can do, by the version that it names."""
        if self._capabilities is None:
            version = self._connection.call(lambda client: client.get_server_version(timeout=self._timeout))
            known = capabilities_of(str(version))
            has_key = known.partition_key if self._partition_key is None else self._partition_key
            self._capabilities = replace(known, partition_key=has_key)
        return self._capabilities

    def ping(self) -> None:
        """Ask for the server's version."""
        self._connection.call(lambda client: client.get_server_version(timeout=self._timeout))

    def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        self._connection.close()

    def ensure_collection(self, name: str, index: IndexSpec, dimension: int, *, wait: bool = True) -> None:
        """Create, index and load a collection, or what is lacking of that.

        Milvus 2.3.5 took 2.6 to 3.2 s to load one that is empty; what reads it meanwhile waits within the server.
        """
        self.capabilities.require_index(index)
        # Milvus lets two processes create one collection; Milvus Lite does not, but has a single writer.
        with self._making:
            if not self.has_collection(name):
                self._create(name, dimension)
            if not self._call(name, "list_indexes", field_name="vector"):
                self._index(name, index)
            self._call(name, "load_collection", **({} if wait else {"_async": True}))

    def has_collection(self, name: str) -> bool:
        """Tell whether there is such a collection."""
        return bool(self._call(name, "has_collection"))

    def collections(self) -> list[str]:
        """Return the names of all collections of the database."""
        found: list[str] = self._connection.call(lambda client: client.list_collections(timeout=self._timeout))
        return sorted(found)

    def drop_collection(self, name: str) -> None:
        """Remove a collection with all its rows; nothing happens when there is none."""
        self._unsettled.pop(name, None)
        try:
            self._write(name, "drop_collection")
        except NotFound:
            return

    def upsert(
        self,
        name: str,
        keys: Sequence[int] | npt.NDArray[np.int64],
        vectors: Vectors,
        partitions: Sequence[str],
        metadata: Sequence[Mapping[str, Any]],
    ) -> None:
        """Write rows in chunks; a row that exists is replaced wholly."""
        rows = [
            {
                "id": int(keys[at]),
                "vector": vectors[at],
                "partition": check_partition(partitions[at]),
                "metadata": by_kind(metadata[at]),
            }
            for at in checked_rows(keys, vectors, partitions, metadata)
        ]
        step = _rows_at_once(vectors.shape[1])
        for start in range(0, len(rows), step):
            chunk = rows[start : start + step]
            self._write(name, "upsert", data=chunk)
            self._unsettled[name] += len(chunk)

    def delete(self, name: str, keys: Sequence[int] | npt.NDArray[np.int64]) -> None:
        """Remove rows in chunks; keys without a row are passed over."""
        for chunk in _chunks(keys):
            self._write(name, "delete", ids=chunk)

    def fetch_vectors(
        self, name: str, keys: Sequence[int] | npt.NDArray[np.int64], *, strong: bool = False
    ) -> dict[int, npt.NDArray[np.float32]]:
        """Return float32[dimension] by key, for those keys that have a row."""
        found: dict[int, npt.NDArray[np.float32]] = {}
        level = "Strong" if strong else "Bounded"
        at, step = 0, FIRST_ROWS
        while at < len(keys):
            chunk = [int(key) for key in keys[at : at + step]]
            for row in self._query(name, f"id in {chunk}", ["id", "vector"], consistency_level=level):
                found[row["id"]] = np.asarray(row["vector"], dtype=np.float32)
                step = _rows_at_once(len(row["vector"]))
            at += len(chunk)
        return found

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
        """Search to one of few depths and cut the page out of what was found, see `paging`."""
        check_window(vectors, limit, offset)
        if not len(vectors):
            return []
        terms = [] if partition is None else [f"partition == {quoted(check_partition(partition))}"]
        terms += [] if where is None else [expression(where)]
        # Milvus takes a third of a millisecond to look up the key that it has found already.
        fields = {"output_fields": ["id"]} if self.capabilities.lists_vectors else {}
        pages = Pages(len(vectors), limit, offset, max_distance)
        for depth in DEPTHS:
            if tell is not None:
                tell(Look(depth.rows, depth.effort, SEARCHED_AT))
            answers = self._read(
                name,
                "search",
                data=list(np.asarray(vectors, dtype=np.float32)),
                anns_field="vector",
                filter=" and ".join(terms),
                limit=depth.rows,
                **fields,
                search_params={"params": depth.effort},
                consistency_level=SEARCHED_AT,
            )
            pages.add([[(hit["id"], hit["distance"]) for hit in answer] for answer in answers], depth)
            if pages.are_complete():
                break
        return pages.cut()

    def count(self, name: str, *, strong: bool = False) -> int:
        """Return the exact number of rows; on two cores a strong count took 0.3-0.5 s, another 5 ms."""
        rows = self._query(name, "", ["count(*)"], consistency_level="Strong" if strong else "Bounded")
        return int(rows[0]["count(*)"])

    def keys(self, name: str, *, after: int = 0, limit: int = MAX_WINDOW) -> list[int]:
        """Return the `limit` smallest keys above `after`, in ascending order."""
        # Without `iterator` Milvus Lite returns any of them. With `reduce_stop_for_best`, which pymilvus' own
        # iterator adds, Milvus 2.3.5 leaves some out when they lie in several segments.
        rows = self._query(name, f"id > {after}", ["id"], limit=limit, iterator="True")
        return sorted(row["id"] for row in rows)

    def compact(self, name: str) -> None:
        """Have the rows written so far sealed and indexed; does not wait for the index.

        Does nothing as long as this process has written few of them: Milvus settles those by itself.
        """
        if self._unsettled[name] < SETTLE_ROWS:
            return
        # The count is reset before the flush: a flush that fails must not keep a job from its end a second time.
        self._unsettled[name] = 0
        self._write(
            name,
            "flush",
            timeout=max(self._timeout, FLUSH_SECONDS),
            # The answer says that the flush has begun; nothing here waits for the sealing.
            _async=True,
            retry_on_rate_limit=False,
        )

    def _create(self, name: str, dimension: int) -> None:
        has_key = self.capabilities.partition_key
        parts = {"num_partitions": PARTITIONS} if has_key else {}
        made = schema.fields(dimension, partition_key=has_key)
        self._write(name, "create_collection", schema=made, consistency_level="Bounded", **parts)

    def _index(self, name: str, index: IndexSpec) -> None:
        # Without rows there is nothing to build, and pymilvus would sleep for half a second before it asks.
        self._write(name, "create_index", index_params=schema.index(index), sync=False)

    def _query(self, name: str, where: str, fields: list[str], **options: Any) -> list[dict[str, Any]]:
        asked = {"filter": where, "output_fields": fields, "consistency_level": "Bounded", **options}
        return list(self._read(name, "query", **asked))

    def _call(self, name: str, method: str, **arguments: Any) -> Any:
        asked = {"timeout": self._timeout, **arguments}
        return self._connection.call(lambda client: getattr(client, method)(name, **asked), name)

    def _read(self, name: str, method: str, **arguments: Any) -> Any:
        """Call what needs a loaded collection, and load it first where a restart unloaded it."""
        try:
            return self._call(name, method, **arguments)
        except CollectionNotLoaded:
            # Milvus Lite has loaded when it answers. Milvus loads by itself after a restart, for half a minute
            # when it had crashed: `_async` does not wait for that, and the second call fails as the first did.
            self._call(name, "load_collection", _async=True)
            return self._call(name, method, **arguments)

    def _write(self, name: str, method: str, **arguments: Any) -> None:
        with self._writing():
            self._call(name, method, **arguments)

    def _writing(self) -> AbstractContextManager[object]:
        """Let one thread write at a time where the server needs that.

        Six threads that wrote to one collection of Milvus Lite lost acknowledged rows in a crash; one lost none.
        """
        return _lite_writer if self.settings.milvus_lite or self.capabilities.one_writer else nullcontext()


def _rows_at_once(dimension: int) -> int:
    return max(1, min(CHUNK_ROWS, CHUNK_NUMBERS // max(1, dimension)))


def _chunks(keys: Sequence[int] | npt.NDArray[np.int64]) -> list[list[int]]:
    return [[int(key) for key in keys[at : at + CHUNK_ROWS]] for at in range(0, len(keys), CHUNK_ROWS)]
