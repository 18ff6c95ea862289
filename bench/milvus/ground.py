"""Hold a server with one collection, laid out as the product's are, and choose how its vectors are indexed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import psutil
from pymilvus import MilvusClient

from bench.milvus.truth import K
from imagesearch.contract import Vectors
from imagesearch.errors import StoreUnavailable
from imagesearch.networks import VGG16
from imagesearch.settings import MilvusSettings
from imagesearch.vectors import schema
from imagesearch.vectors.milvus import MilvusVectorStore
from support.milvus_servers import MilvusServer
from support.waiting import until

NAME: Final = "library"
BESIDE: Final = "beside"
"""A small collection, whose index is built while the large one is searched."""
CHUNK: Final = 5_000
MAX_SECONDS: Final = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """Name an index and what it is built with."""

    name: str
    index_type: str
    params: Mapping[str, int]


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("AUTOINDEX", "AUTOINDEX", {}),
        Kind("HNSW", "HNSW", {"M": 32, "efConstruction": 360}),
        Kind("IVF_FLAT", "IVF_FLAT", {"nlist": 256}),
        Kind("IVF_SQ8", "IVF_SQ8", {"nlist": 256}),
        Kind("IVF_FLAT/2048", "IVF_FLAT", {"nlist": 2048}),
        Kind("IVF_SQ8/2048", "IVF_SQ8", {"nlist": 2048}),
    )
}


class Ground:
    """One Milvus server of its own with `size` vectors."""

    def __init__(self, server: MilvusServer, size: int) -> None:
        self.server = server
        self.size = size
        self.store = MilvusVectorStore(MilvusSettings(milvus_uri=server.uri, milvus_timeout=30))

    @contextmanager
    def client(self) -> Iterator[MilvusClient]:
        """Yield a client for what the product never does; the server may have been started anew since the last."""
        with closing(MilvusClient(self.server.uri, timeout=600, dedicated=True)) as client:
            yield client

    def lay(self, name: str, chunks: Iterator[Vectors]) -> float:
        """Make a collection without an index, fill it, and return the seconds."""
        begun, next_key = time.perf_counter(), 1
        with self.client() as client:
            client.create_collection(
                name, schema=schema.fields(VGG16.dimension, partition_key=False), consistency_level="Bounded"
            )
            for vectors in chunks:
                rows: list[dict[str, Any]] = [
                    {"id": next_key + at, "vector": vector, "partition": "", "metadata": {}}
                    for at, vector in enumerate(vectors)
                ]
                client.insert(name, rows)
                next_key += len(rows)
            client.flush(name)
        return time.perf_counter() - begun

    def build(self, name: str, kind: Kind) -> float:
        """Index the vectors of a collection anew, and return the seconds."""
        begun = time.perf_counter()
        with self.client() as client:
            params = client.prepare_index_params()
            params.add_index("vector", index_type=kind.index_type, metric_type="COSINE", params=dict(kind.params))
            client.create_index(name, params, sync=False)
            until(partial(self._is_built, client, name), seconds=MAX_SECONDS)
        return time.perf_counter() - begun

    def load(self) -> float:
        """Load the collection, and return the seconds until searches read nothing but the index."""
        begun = time.perf_counter()
        with self.client() as client:
            client.load_collection(NAME)
            until(lambda: self._is_in_use(client), seconds=MAX_SECONDS)
        return time.perf_counter() - begun

    def drop_index(self, name: str) -> None:
        """Take a collection out of memory, and its index away."""
        with self.client() as client:
            client.release_collection(name)
            client.drop_index(name, "vector")

    def restart(self) -> float:
        """Kill the server, start it, and return the seconds until it answers a search."""
        self.store.close()
        self.server.kill()
        begun = time.perf_counter()
        self.server.start()
        question = np.full((1, VGG16.dimension), VGG16.dimension**-0.5, dtype=np.float32)

        def answers() -> bool:
            try:
                return len(self.store.search(NAME, question, limit=K)[0]) == K
            except StoreUnavailable:
                return False

        until(answers, seconds=MAX_SECONDS)
        return time.perf_counter() - begun

    def memory(self) -> int:
        """Return the resident bytes of the server."""
        if self.server.process is None:
            raise RuntimeError("the server does not run")
        return int(psutil.Process(self.server.process.pid).memory_info().rss)

    def _is_built(self, client: MilvusClient, name: str) -> bool:
        found = client.describe_index(name, "vector")
        # Segments that were replaced meanwhile are counted until they are cleared away.
        return found["state"] == "Finished" and int(found["pending_index_rows"]) == 0

    def _is_in_use(self, client: MilvusClient) -> bool:
        loaded = client.list_loaded_segments(NAME)
        # Growing segments, and sealed ones before their index is loaded, name none.
        ready: int = sum(index.num_rows for index in loaded if index.index_name == "vector")
        return ready >= self.size
