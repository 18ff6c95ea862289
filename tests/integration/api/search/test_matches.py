"""Windows of results: always full, always joined, also where vectors are nobody's or have just been replaced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch.access.tenants import Owner
from imagesearch.catalog import collections, images, keys, naming
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.catalog.naming import Named
from imagesearch.catalog.tables import tombstones
from imagesearch.catalog.tombstones import YOUNG
from imagesearch.contract import Vectors
from imagesearch.networks import VGG16
from imagesearch.vectors import Filter, Hit, IndexSpec, InMemoryVectorStore, matches, parse_filter
from imagesearch_api.search import matches as matching
from imagesearch_api.search.examples import Examples
from imagesearch_api.search.matches import nearest, search
from imagesearch_api.search.plan import Plan
from imagesearch_api.search.question import Query, Question, Shape, Window
from imagesearch_api.search.timings import Timings
from support.album import Album
from support.api_twin import services_of
from support.world import MODEL

pytestmark = pytest.mark.integration

ROWS = 400


class Shelf:
    """A collection of vectors in memory, with its rows in Postgres."""

    def __init__(self, catalog: Catalog) -> None:
        random = np.random.default_rng(11)
        raw = random.random((ROWS, 512), dtype=np.float32)
        # Some are equal, so that only their keys order them.
        raw[50:60] = raw[40]
        self.vectors = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        self.store = InMemoryVectorStore()
        self.ports = services_of(catalog=catalog, vectors=self.store).search
        with catalog.transaction() as tx:
            self.collection: Collection
            self.collection, _ = collections.create(tx, "shelf")
            paths = [f"/{index:03}" for index in range(ROWS)]
            rows = images.ensure_rows(tx, self.collection.id, paths, None, None)
            self.ids = [rows[path].id for path in paths]
            # In another order than the ids.
            self.keys: list[int] = random.permutation(keys.draw(tx, ROWS)).tolist()
            self.metadata = [{"n": index, "even": index % 2 == 0} for index in range(ROWS)]
            named = [
                Named(rows[path], key, "", metadata)
                for path, key, metadata in zip(paths, self.keys, self.metadata, strict=True)
            ]
            naming.name(tx, self.collection, named)
        name = self.collection.vector_collection
        self.store.ensure_collection(name, IndexSpec(), VGG16.dimension)
        self.store.upsert(name, self.keys, self.vectors, [""] * ROWS, self.metadata)

    def lose(self, catalog: Catalog, image_ids: list[int]) -> None:
        with catalog.transaction() as tx:
            assert naming.delete(tx, self.collection, image_ids) == sorted(image_ids)

    def expected(self, query: Vectors, lost: set[int], where: Filter | None = None) -> list[int]:
        distances = np.round(1 - self.vectors.astype(np.float64) @ query.astype(np.float64), 6)
        order = sorted(range(ROWS), key=lambda index: (distances[index], self.keys[index]))
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


@pytest.mark.parametrize(("queries", "deepest"), [(1, 64), (4, 16)])
def test_groups_that_are_not_there_lead_no_deeper_than_one_query_may_go(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, queries: int, deepest: int
) -> None:
    asked: list[int] = []
    search = shelf.store.search

    def noted(*args: Any, limit: int, **options: Any) -> list[list[Hit]]:
        asked.append(limit)
        return search(*args, limit=limit, **options)

    monkeypatch.setattr(matching, "MAX_WINDOW", 64)
    monkeypatch.setattr(shelf.store, "search", noted)
    for group_by, found in (("absent", 0), ("even", 2)):
        shape = Shape(Window(0, 3), group_by=group_by)
        pages = nearest(shelf.ports, shelf.collection, shelf.vectors[:queries], shape, Timings())
        assert list(map(len, pages)) == [found] * queries
        assert max(asked) == deepest
        asked.clear()


def test_a_filter_keeps_windows_full(shelf: Shelf, catalog: Catalog) -> None:
    where = parse_filter({"and": [{"eq": ["even", True]}, {"ge": ["n", 100]}]})
    query = shelf.vectors[150]
    gone = set(shelf.expected(query, set(), where)[:20])
    shelf.lose(catalog, sorted(gone))
    expected = shelf.expected(query, gone, where)
    assert shelf.ask(query[None], 0, 20, where) == [expected[:20]]
    assert shelf.ask(query[None], 20, 40, where) == [expected[20:40]]


def test_examples_are_searched_by_together_and_are_no_results(shelf: Shelf, catalog: Catalog) -> None:
    positive, negative = [3, 40], [200]
    examples = Examples(2, (2.0, 1.0, 1.0))
    by = [Query(image_id=shelf.ids[index]) for index in positive] + [Query(vector=shelf.vectors[200])]
    [query] = examples.vector(shelf.vectors[[*positive, *negative]])
    own = {shelf.ids[index] for index in positive}
    with catalog.transaction() as tx:
        collections.pin_model(tx, shelf.collection, MODEL)
    plan = Plan()
    question = Question(by, Shape(Window(5, 25)), examples=examples)
    [found] = search(shelf.ports, "shelf", question, Timings(), Owner(None), plan=plan)
    assert [match.image.id for match in found] == shelf.expected(query, own)[5:25]
    assert [look.rows for look in plan.looks] == [25 + len(own)]


class TestAVectorThatWasJustReplaced:
    """A search reads a moment behind, and may see the vector of before, the one of now, both or neither."""

    CHANGED = 150

    @pytest.fixture
    def before(self, shelf: Shelf) -> list[int]:
        """The images nearest to the one that is changed, itself first."""
        return shelf.expected(shelf.vectors[self.CHANGED], set())

    def replace(self, shelf: Shelf, catalog: Catalog, labels: Labels = NO_LABELS) -> int:
        """Give an image a new vector that searches do not see yet; return its key."""
        with catalog.transaction() as tx:
            [row] = naming.lock(tx, shelf.collection, [shelf.ids[self.CHANGED]]).values()
            [key] = keys.draw(tx, 1)
            naming.name(tx, shelf.collection, [Named(row, key, *labels.on(row))])
        return key

    def show(self, shelf: Shelf, key: int) -> None:
        """Let searches see the new vector, which is another picture's."""
        name = shelf.collection.vector_collection
        shelf.store.upsert(name, [key], shelf.vectors[40:41], [""], [{"n": self.CHANGED, "even": True}])

    def asked(self, shelf: Shelf, **shape: Any) -> list[int]:
        query = shelf.vectors[self.CHANGED][None]
        found = nearest(
            shelf.ports, shelf.collection, query, Shape(**{"window": Window(0, 20), **shape}), Timings()
        )
        return [match.image.id for match in found[0]]

    def test_is_still_found_for_a_moment(self, shelf: Shelf, catalog: Catalog, before: list[int]) -> None:
        self.replace(shelf, catalog)
        assert self.asked(shelf) == before[:20]
        assert before[0] == shelf.ids[self.CHANGED]

    def test_joins_pages_that_are_full(self, shelf: Shelf, catalog: Catalog, before: list[int]) -> None:
        self.replace(shelf, catalog)
        pages = [self.asked(shelf, window=Window(start, start + 7)) for start in range(0, 21, 7)]
        assert [row for page in pages for row in page] == before[:21]

    def test_is_not_found_any_more_when_its_time_is_over(
        self, shelf: Shelf, catalog: Catalog, before: list[int]
    ) -> None:
        self.replace(shelf, catalog)
        with catalog.transaction() as tx:
            tx.execute(sa.update(tombstones).values(since=sa.func.clock_timestamp() - YOUNG))
        assert self.asked(shelf) == before[1:21]

    def test_is_not_found_where_its_image_was_deleted(
        self, shelf: Shelf, catalog: Catalog, before: list[int]
    ) -> None:
        self.replace(shelf, catalog)
        shelf.lose(catalog, [shelf.ids[self.CHANGED]])
        assert self.asked(shelf) == before[1:21]

    def test_makes_way_for_the_new_one_when_both_are_seen(
        self, shelf: Shelf, catalog: Catalog, before: list[int]
    ) -> None:
        self.show(shelf, self.replace(shelf, catalog))
        image_id = shelf.ids[self.CHANGED]
        whole = self.asked(shelf, window=Window(0, ROWS))
        assert sorted(whole) == sorted(shelf.ids), "each image once"
        assert [row for row in whole if row != image_id] == before[1:]
        # It stands beside the pictures whose vector it has now.
        equal = {image_id, *(shelf.ids[index] for index in (40, *range(50, 60)))}
        place = whole.index(image_id)
        assert equal & set(whole[place - 1 : place + 2]) > {image_id}

    def test_is_found_by_a_filter_that_the_labels_of_now_match(
        self, shelf: Shelf, catalog: Catalog, before: list[int]
    ) -> None:
        where = parse_filter({"eq": ["n", self.CHANGED]})
        self.replace(shelf, catalog, Labels(None, {"n": self.CHANGED, "seen": True}))
        assert self.asked(shelf, where=where) == before[:1]

    @pytest.mark.parametrize(
        ("labels", "shape"),
        [
            (Labels(None, {"n": -1}), {"where": parse_filter({"ge": ["n", 0]})}),
            (Labels("anna"), {"partition": ""}),
        ],
        ids=["metadata", "partition"],
    )
    def test_is_not_found_where_its_image_has_labels_that_were_not_asked_for(
        self, shelf: Shelf, catalog: Catalog, before: list[int], labels: Labels, shape: dict[str, Any]
    ) -> None:
        self.replace(shelf, catalog, labels)
        assert self.asked(shelf, **shape) == before[1:21]


def test_while_a_switch_is_followed_the_new_key_of_an_exception_is_found(catalog: Catalog) -> None:
    album, store = Album(catalog), InMemoryVectorStore()
    changed, same = album.index("/changed", "/same")
    build = album.begin_build()
    key = album.record(build, changed, sha256="new")
    collection = album.switch(build)
    store.ensure_collection(collection.vector_collection, IndexSpec(), VGG16.dimension)
    vectors = np.eye(2, 512, dtype=np.float32)
    store.upsert(collection.vector_collection, [key, same.vector_key], vectors, [""] * 2, [{}] * 2)
    ports = services_of(catalog=catalog, vectors=store).search
    for window in (Window(0, 2), Window(1, 2)):
        [found] = nearest(ports, collection, vectors[:1], Shape(window), Timings())
        assert [match.image.id for match in found] == [changed.id, same.id][window.start :]
