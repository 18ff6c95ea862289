"""What every vector store has to do, as tests: each store's test classes inherit from these.

A class provides the fixture `store`. `collection` is empty and dropped after the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from imagesearch.contract import Vectors
from imagesearch.errors import NotFound, UnsupportedByStore
from imagesearch.networks import MAX_DIMENSION, VGG16
from imagesearch.vectors import IndexSpec, VectorStore, parse_filter
from imagesearch.vectors.port import MAX_WINDOW

HOSTILE = [
    "",
    " ",
    "plain",
    'a "quoted" word',
    "it's",
    "back\\slash",
    "ends with \\",
    '\\"',
    "\\u4e2d\\n",
    "%_like%",
    "new\nline\r\ttab",
    "\x01\x1f\x7f\x85\u2028",
    "{x} [y] $meta",
    '" or id > 0 or "" == "',
    "中文 日本語 한국어",
    "émoji 😀 \u202e",
    "Z" * 300,
]


def unit_vectors(seed: int, count: int, dimension: int = VGG16.dimension) -> Vectors:
    """Return non-negative float32[count, dimension] of length 1, none near another."""
    drawn = np.abs(np.random.default_rng(seed).standard_normal((count, dimension))).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def drawn_keys(seed: int, count: int, below: int) -> list[int]:
    """Return different keys from 1 on, in no order."""
    return (np.random.default_rng(seed).permutation(below - 1)[:count] + 1).tolist()


def write(store: VectorStore, name: str, ids: list[int], vectors: Vectors, **rows: Any) -> None:
    """Write rows and wait until they are visible."""
    partitions = rows.get("partitions", [""] * len(ids))
    metadata = rows.get("metadata", [{}] * len(ids))
    store.upsert(name, ids, vectors, partitions, metadata)
    store.count(name, strong=True)


def found(store: VectorStore, name: str, query: Vectors, **options: Any) -> list[int]:
    """Return the keys that a search for one vector finds, in its order."""
    return [hit.key for hit in store.search(name, query, **{"limit": 100, **options})[0]]


class VectorStoreContract:
    """Rows, searches and pages."""

    @pytest.fixture
    def collection(self, store: VectorStore) -> Iterator[str]:
        name = f"c_{uuid4().hex}"
        store.ensure_collection(name, IndexSpec(), VGG16.dimension)
        yield name
        store.drop_collection(name)

    def test_a_collection_that_is_not_there_is_named_as_missing(self, store: VectorStore) -> None:
        name, vectors = f"c_{uuid4().hex}", unit_vectors(1, 1)
        assert not store.has_collection(name)
        store.drop_collection(name)
        for use in (
            lambda: store.search(name, vectors, limit=1),
            lambda: store.count(name),
            lambda: store.keys(name),
            lambda: store.upsert(name, [1], vectors, [""], [{}]),
            lambda: store.delete(name, [1]),
            lambda: store.fetch_vectors(name, [1]),
        ):
            with pytest.raises(NotFound, match=name):
                use()

    def test_rows_live_and_die_with_their_collection(self, store: VectorStore, collection: str) -> None:
        write(store, collection, [1], unit_vectors(1, 1))
        store.ensure_collection(collection, IndexSpec(), VGG16.dimension)
        assert store.has_collection(collection)
        assert store.count(collection, strong=True) == 1
        store.drop_collection(collection)
        assert not store.has_collection(collection)
        store.ensure_collection(collection, IndexSpec(), VGG16.dimension)
        assert store.count(collection, strong=True) == 0
        assert found(store, collection, unit_vectors(1, 1)) == []

    def test_the_names_of_all_collections_are_told(self, store: VectorStore, collection: str) -> None:
        other = f"c_{uuid4().hex}"
        assert collection in store.collections()
        assert other not in store.collections()
        store.ensure_collection(other, IndexSpec(), VGG16.dimension)
        assert {collection, other} <= set(store.collections())
        assert store.collections() == sorted(store.collections())
        store.drop_collection(other)
        assert other not in store.collections()

    @pytest.mark.parametrize("dimension", [2, 2_048, MAX_DIMENSION])
    def test_vectors_are_as_long_as_their_collection_says(self, store: VectorStore, dimension: int) -> None:
        name = f"c_{uuid4().hex}"
        store.ensure_collection(name, IndexSpec(), dimension)
        vectors = np.eye(2, dimension, dtype=np.float32)
        write(store, name, [1, 2], vectors)
        assert found(store, name, vectors[1:], limit=1) == [2]
        assert {key: vector.shape for key, vector in store.fetch_vectors(name, [1, 2], strong=True).items()} == {
            1: (dimension,),
            2: (dimension,),
        }
        store.drop_collection(name)

    def test_several_may_ask_for_a_collection_at_once(self, store: VectorStore) -> None:
        name = f"c_{uuid4().hex}"
        with ThreadPoolExecutor(4) as threads:
            list(
                threads.map(
                    lambda _: store.ensure_collection(name, IndexSpec("HNSW", {"M": 8}), VGG16.dimension), range(4)
                )
            )
        assert store.count(name) == 0
        store.drop_collection(name)

    def test_writing_rows_again_changes_nothing(self, store: VectorStore, collection: str) -> None:
        ids, vectors = list(range(1, 1201)), unit_vectors(2, 1200)
        for _ in range(2):
            write(store, collection, ids, vectors)
            assert store.count(collection) == 1200
        assert found(store, collection, vectors[700:701], limit=2)[0] == 701

    def test_a_row_is_replaced_wholly(self, store: VectorStore, collection: str) -> None:
        old, new = unit_vectors(3, 2)
        rows = np.stack([old, old])
        write(store, collection, [1, 2], rows, partitions=["a", "a"], metadata=[{"x": 1, "y": 1}] * 2)
        write(store, collection, [1], new[np.newaxis], partitions=["b"], metadata=[{"x": 2}])
        query = new[np.newaxis]
        assert store.count(collection) == 2
        assert found(store, collection, query, partition="a") == [2]
        assert found(store, collection, query, partition="b") == [1]
        assert found(store, collection, query, where=parse_filter({"exists": "y"})) == [2]
        assert found(store, collection, query, where=parse_filter({"eq": ["x", 2]})) == [1]
        assert store.search(collection, query, limit=1)[0][0].distance == 0.0

    def test_of_a_key_given_twice_the_last_row_stays(self, store: VectorStore, collection: str) -> None:
        vectors = unit_vectors(4, 3)
        write(store, collection, [5, 6, 5], vectors)
        assert store.count(collection) == 2
        assert np.allclose(store.fetch_vectors(collection, [5])[5], vectors[2])

    def test_deleting_takes_what_is_there_and_passes_over_the_rest(
        self, store: VectorStore, collection: str
    ) -> None:
        vectors = unit_vectors(5, 1100)
        write(store, collection, list(range(1, 1101)), vectors)
        for _ in range(2):
            store.delete(collection, np.arange(1, 1050))
            assert store.count(collection, strong=True) == 51
        assert store.keys(collection) == list(range(1050, 1101))
        assert set(found(store, collection, vectors[:1])) == set(range(1050, 1101))
        assert store.fetch_vectors(collection, [1, 1100]).keys() == {1100}

    def test_nothing_may_be_asked_for(self, store: VectorStore, collection: str) -> None:
        nothing = unit_vectors(1, 0)
        store.upsert(collection, [], nothing, [], [])
        store.delete(collection, [])
        assert store.fetch_vectors(collection, []) == {}
        assert store.search(collection, nothing, limit=1) == []
        assert store.keys(collection) == []

    def test_vectors_come_back_as_they_were_written(self, store: VectorStore, collection: str) -> None:
        vectors = unit_vectors(6, 3)
        write(store, collection, [1, 2**40, 2**62], vectors)
        back = store.fetch_vectors(collection, [2**62, 7, 1])
        assert back.keys() == {1, 2**62}
        assert back[1].dtype == np.float32
        assert np.array_equal(back[1], vectors[0])
        assert np.array_equal(back[2**62], vectors[2])

    def test_a_strong_read_sees_what_was_written_and_deleted_just_before(
        self, store: VectorStore, collection: str
    ) -> None:
        vectors = unit_vectors(16, 30)
        for key in range(1, 31):
            store.upsert(collection, [key], vectors[key - 1 : key], [""], [{}])
            assert np.array_equal(store.fetch_vectors(collection, [key], strong=True)[key], vectors[key - 1])
        store.delete(collection, [7, 8])
        assert store.fetch_vectors(collection, [6, 7, 8], strong=True).keys() == {6}

    def test_a_row_is_nothing_away_from_itself(self, store: VectorStore, collection: str) -> None:
        vectors = unit_vectors(7, 50)
        write(store, collection, list(range(1, 51)), vectors)
        for row_id, hits in enumerate(store.search(collection, vectors, limit=3, max_distance=0.0), start=1):
            assert [(hit.key, hit.distance) for hit in hits] == [(row_id, 0.0)]

    def test_distances_are_those_of_the_cosine(self, store: VectorStore, collection: str) -> None:
        vectors, query = unit_vectors(8, 200), unit_vectors(9, 1)
        write(store, collection, list(range(1, 201)), vectors)
        exact = 1 - vectors.astype(float) @ query[0].astype(float)
        hits = store.search(collection, query, limit=200)[0]
        assert [hit.key for hit in hits] == (np.argsort(exact) + 1).tolist()
        assert [hit.distance for hit in hits] == pytest.approx(np.sort(exact).tolist(), abs=2e-6)
        limit = hits[99].distance
        assert store.search(collection, query, limit=200, max_distance=limit)[0] == hits[:100]
        assert store.search(collection, query, limit=20, offset=90, max_distance=limit)[0] == hits[90:100]

    def test_opposite_vectors_are_one_away(self, store: VectorStore, collection: str) -> None:
        vectors = unit_vectors(10, 1)
        write(store, collection, [1], -vectors)
        assert store.search(collection, vectors, limit=1)[0][0].distance == 1.0

    def test_equal_distances_are_ordered_by_key(self, store: VectorStore, collection: str) -> None:
        same, other = unit_vectors(11, 2)
        ids = drawn_keys(1, 60, below=10_000)
        write(store, collection, ids, np.stack([same] * 60))
        write(store, collection, [20_000], other[np.newaxis])
        pages = [found(store, collection, same[np.newaxis], limit=7, offset=at) for at in range(0, 63, 7)]
        assert [row_id for page in pages for row_id in page] == [*sorted(ids), 20_000]

    @pytest.mark.parametrize(
        ("limit", "offset"), [(0, 0), (-1, 0), (1, -1), (MAX_WINDOW + 1, 0), (10, MAX_WINDOW - 9)]
    )
    def test_a_window_outside_the_limits_is_an_error(self, store: VectorStore, limit: int, offset: int) -> None:
        with pytest.raises(ValueError, match="window"):
            store.search("any", unit_vectors(1, 1), limit=limit, offset=offset)

    def test_rows_of_the_wrong_shape_are_an_error(self, store: VectorStore) -> None:
        good = unit_vectors(1, 2)
        bad = good.copy()
        bad[1, 7] = np.nan
        for ids, vectors in (([1], good), ([1, 2], good[0]), ([1, 2], bad), ([1, 2], good.astype(float))):
            with pytest.raises(ValueError, match=r"rows|vectors"):
                store.upsert("any", ids, vectors, [""] * len(ids), [{}] * len(ids))
        with pytest.raises(ValueError, match="partition"):
            store.search("any", good, limit=1, partition="é" * 300)

    def test_a_partition_holds_its_own_rows_whatever_it_is_called(
        self, store: VectorStore, collection: str
    ) -> None:
        vectors = unit_vectors(12, 2 * len(HOSTILE))
        write(store, collection, list(range(len(vectors))), vectors, partitions=HOSTILE * 2)
        for at, partition in enumerate(HOSTILE):
            assert sorted(found(store, collection, vectors[:1], partition=partition)) == [at, at + len(HOSTILE)]
        assert found(store, collection, vectors[:1], partition="nobody's") == []

    def test_keys_come_in_pages_and_in_order(self, store: VectorStore, collection: str) -> None:
        ids = [*drawn_keys(2, 1_500, below=50_000), 2**40, 2**62 - 1, 2**62]
        write(
            store,
            collection,
            ids,
            unit_vectors(13, len(ids)),
            partitions=[f"t{row_id % 30}" for row_id in range(len(ids))],
        )
        listed: list[int] = []
        while page := store.keys(collection, after=listed[-1] if listed else 0, limit=400):
            assert len(page) == min(400, len(ids) - len(listed))
            listed += page
        assert listed == sorted(ids)
        assert store.keys(collection, after=2**40) == [2**62 - 1, 2**62]
        assert store.keys(collection, after=2**62 - 1) == [2**62]
        assert store.keys(collection, after=2**62) == []

    def test_threads_write_beside_each_other(self, store: VectorStore, collection: str) -> None:
        vectors = unit_vectors(14, 100)

        def job(at: int) -> None:
            store.upsert(collection, list(range(at * 100, at * 100 + 100)), vectors, [""] * 100, [{}] * 100)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(job, [0, 1, 2, 3, 0, 1]))
        assert store.count(collection, strong=True) == 400

    def test_a_store_can_be_used_again_after_it_was_closed(self, store: VectorStore, collection: str) -> None:
        store.close()
        store.ping()
        assert store.count(collection) == 0

    def test_every_index_that_the_store_names_finds_rows(self, store: VectorStore) -> None:
        vectors = unit_vectors(15, 1500)
        for index_type in sorted(store.capabilities.index_types):
            name = f"c_{uuid4().hex}"
            store.ensure_collection(name, IndexSpec(index_type), VGG16.dimension)
            write(store, name, list(range(1500)), vectors)
            store.compact(name)
            nearest = store.search(name, vectors[:20], limit=5)
            assert [hits[0].key for hits in nearest] == list(range(20)), index_type
            assert all(hits[0].distance < 0.01 for hits in nearest), index_type
            assert store.count(name) == 1500
            store.drop_collection(name)

    def test_an_index_that_the_store_lacks_is_refused_with_those_it_has(self, store: VectorStore) -> None:
        for index_type in {"AUTOINDEX", "HNSW", "IVF_SQ8", "DISKANN", "FLAT"} - store.capabilities.index_types:
            with pytest.raises(UnsupportedByStore, match="HNSW"):
                store.ensure_collection("any", IndexSpec(index_type), VGG16.dimension)


class DeepPagesContract:
    """Pages down to the deepest row that a search may name."""

    ROWS = MAX_WINDOW + 200
    DIMENSION = VGG16.dimension

    @pytest.fixture(scope="class")
    @classmethod
    def pile(cls, store: VectorStore) -> Iterator[tuple[str, Vectors]]:
        name, vectors = f"c_{uuid4().hex}", unit_vectors(20, cls.ROWS, cls.DIMENSION)
        store.ensure_collection(name, IndexSpec(), cls.DIMENSION)
        write(store, name, list(range(1, cls.ROWS + 1)), vectors)
        store.compact(name)
        yield name, vectors
        store.drop_collection(name)

    def test_pages_join_without_a_gap_or_a_repeat(self, store: VectorStore, pile: tuple[str, Vectors]) -> None:
        name, vectors = pile
        query = vectors[4:5]
        edges = [0, 10, 20, 100, 140, 1000, 1100, 5000, 10_000, 16_000, MAX_WINDOW]
        pages = [store.search(name, query, limit=end - begin, offset=begin)[0] for begin, end in pairwise(edges)]
        assert [len(page) for page in pages] == [end - begin for begin, end in pairwise(edges)]
        assert len({hit.key for page in pages for hit in page}) == MAX_WINDOW
        for page in pages:
            assert page == sorted(page, key=lambda hit: (hit.distance, hit.key))
        assert pages[0][0].key == 5
        assert pages[0][-1].distance <= pages[3][0].distance <= pages[-1][0].distance
