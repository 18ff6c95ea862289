"""Compare the default index with brute force."""

from __future__ import annotations

import numpy as np
from pymilvus import MilvusClient

from bench.lookalikes import vgg_like
from bench.report import Report
from imagesearch.networks import VGG16
from imagesearch.vectors import IndexSpec, VectorStore
from support.waiting import until

COUNT = 20_000
QUERIES = 200
K = 10
WRITE_AT_ONCE = 1_000
PROMISE = 0.99


def measure(report: Report, store: VectorStore, client: MilvusClient) -> None:
    """Measure recall@10 of AUTOINDEX over 20,000 vectors; queries are vectors that are not in the index.

    Before the index is in use, Milvus compares with every vector, and finds them all.
    """
    vectors = vgg_like(COUNT + QUERIES, seed=1)
    indexed, queries = vectors[:COUNT], vectors[COUNT:]
    store.ensure_collection("bench_recall", IndexSpec(), VGG16.dimension)
    fill(store, "bench_recall", indexed)
    wait_for_index(client, "bench_recall")
    truth = np.argsort(-(queries @ indexed.T), axis=1)[:, :K] + 1
    found = store.search("bench_recall", queries, limit=K)
    hits = sum(
        len({hit.key for hit in row} & set(map(int, right))) for row, right in zip(found, truth, strict=True)
    )
    recall = hits / (QUERIES * K)
    store.drop_collection("bench_recall")
    report.add("recall@10, AUTOINDEX, 20,000 vectors", f"{recall:.4f}", f">= {PROMISE}", recall >= PROMISE)


def wait_for_index(client: MilvusClient, name: str) -> None:
    """Wait until searches of a collection read nothing but its index; building it takes both cores."""

    def is_in_use() -> bool:
        loaded = client.list_loaded_segments(name)
        # Growing segments, and sealed ones before their index is loaded, name none.
        ready: int = sum(index.num_rows for index in loaded if index.index_name == "vector")
        return ready == COUNT

    until(is_in_use, seconds=180)


def fill(store: VectorStore, name: str, vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    """Write vectors under the keys 1, 2, ... and wait until all of them can be searched."""
    for start in range(0, len(vectors), WRITE_AT_ONCE):
        part = vectors[start : start + WRITE_AT_ONCE]
        ids = np.arange(start + 1, start + 1 + len(part))
        store.upsert(name, ids, part, [""] * len(part), [{}] * len(part))
    store.compact(name)
    if store.count(name, strong=True) != len(vectors):
        raise RuntimeError(f"{name}: not every vector arrived")
