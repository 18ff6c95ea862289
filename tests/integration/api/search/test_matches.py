"""Windows of results: always full, always joined, also where vectors have lost their rows."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, images
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import images as table
from imagesearch.contract import Vectors
from imagesearch.vectors import Filter, IndexSpec, InMemoryVectorStore, matches, parse_filter
from imagesearch_api.search.matches import nearest
from imagesearch_api.search.question import Shape, Window
from imagesearch_api.search.timings import Timings
from support.api_twin import services_of

pytestmark = pytest.mark.integration

ROWS = 400


class Shelf:
    """A collection of vectors in memory, with its rows in Postgres."""

    def __init__(self, catalog: Catalog) -> None:
        random = np.random.default_rng(11)
        raw = random.random((ROWS, 512), dtype=np.float32)
        # Some are equal, so that only their ids order them.
        raw[50:60] = raw[40]
        self.vectors = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        self.store = InMemoryVectorStore()
        self.ports = services_of(catalog=catalog, vectors=self.store).search
        with catalog.transaction() as tx:
            self.collection: Collection
            self.collection, _ = collections.create(tx, "shelf")
            paths = [f"/{index:03}" for index in range(ROWS)]
            rows = images.ensure_rows(tx, self.collection.id, paths, None, None)
            tx.execute(sa.update(table).values(state="indexed"))
        self.ids = [rows[path].id for path in paths]
        self.metadata = [{"n": index, "even": index % 2 == 0} for index in range(ROWS)]
        name = self.collection.vector_collection
        self.store.ensure_collection(name, IndexSpec())
        self.store.upsert(name, self.ids, self.vectors, [""] * ROWS, self.metadata)

    def lose(self, catalog: Catalog, image_ids: list[int]) -> None:
        with catalog.transaction() as tx:
            images.mark_deleting(tx, self.collection.id, image_ids)

    def expected(self, query: Vectors, lost: set[int], where: Filter | None = None) -> list[int]:
        distances = np.round(1 - self.vectors.astype(np.float64) @ query.astype(np.float64), 6)
        order = sorted(range(ROWS), key=lambda index: (distances[index], self.ids[index]))
        return [
            self.ids[index]
            for index in order
            if self.ids[index] not in lost and (where is None or matches(where, self.metadata[index]))
        ]

    def ask(self, queries: Vectors, start: int, stop: int, where: Filter | None = None) -> list[list[int]]:
        shape = Shape(Window(start, stop), where=where)
        found = nearest(self.ports, self.collection, queries, shape, Timings())
        return [[match.image.id for match in matches] for matches in found]


@pytest.fixture
def shelf(catalog: Catalog) -> Shelf:
    return Shelf(catalog)


@pytest.mark.parametrize("lost", [0, 5, 60, 350])
def test_pages_are_full_and_join_whatever_is_lost(shelf: Shelf, catalog: Catalog, lost: int) -> None:
    query = shelf.vectors[40]
    # The nearest of all are lost: a search that asks for as many as are wanted would find nothing.
    gone = shelf.expected(query, set())[:lost]
    shelf.lose(catalog, gone)
    expected = shelf.expected(query, set(gone))
    pages = [shelf.ask(query[None], start, start + 7)[0] for start in range(0, ROWS, 7)]
    assert [row for page in pages for row in page] == expected
    assert shelf.ask(query[None], 0, 50) == [expected[:50]]


def test_the_queries_of_a_batch_each_get_their_own_window(shelf: Shelf, catalog: Catalog) -> None:
    queries = shelf.vectors[[3, 40, 200]]
    gone = set(shelf.expected(queries[1], set())[:30])
    shelf.lose(catalog, sorted(gone))
    for start, stop in ((0, 10), (10, 20), (380, 400)):
        assert shelf.ask(queries, start, stop) == [shelf.expected(query, gone)[start:stop] for query in queries]


def test_a_filter_keeps_windows_full(shelf: Shelf, catalog: Catalog) -> None:
    where = parse_filter({"and": [{"eq": ["even", True]}, {"ge": ["n", 100]}]})
    query = shelf.vectors[150]
    gone = set(shelf.expected(query, set(), where)[:20])
    shelf.lose(catalog, sorted(gone))
    expected = shelf.expected(query, gone, where)
    assert shelf.ask(query[None], 0, 20, where) == [expected[:20]]
    assert shelf.ask(query[None], 20, 40, where) == [expected[20:40]]
