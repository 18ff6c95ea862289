"""The vector of an indexed image is found, also where it is replaced between the look at its row and the fetch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.images import Image
from imagesearch.contract import Vectors
from imagesearch.errors import StoreUnavailable
from imagesearch.networks import VGG16
from imagesearch.vectors import IndexSpec, InMemoryVectorStore
from imagesearch_api.search.stored_vectors import stored_vectors
from support.album import Album

pytestmark = pytest.mark.integration


class Lagging(InMemoryVectorStore):
    """A store whose reads miss these keys as long as they need not be up to date.

    Attributes:
        at_fetch: runs before the next fetch, and once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unseen: set[int] = set()
        self.at_fetch: Callable[[], None] = lambda: None
        self.levels: list[bool] = []

    def fetch_vectors(self, name: str, keys: Any, *, strong: bool = False) -> dict[int, Vectors]:
        at_fetch, self.at_fetch = self.at_fetch, lambda: None
        at_fetch()
        self.levels.append(strong)
        found = super().fetch_vectors(name, keys, strong=strong)
        return {key: vector for key, vector in found.items() if strong or key not in self.unseen}


class Shelf:
    """Three images with a vector each."""

    def __init__(self, catalog: Catalog) -> None:
        self.album = Album(catalog)
        self.store = Lagging()
        self.rows = self.album.index("/a", "/b", "/c")
        self.write(self.rows, seed=1)

    def write(self, rows: Sequence[Image], *, seed: int, name: str | None = None) -> None:
        """Write the vectors that the rows name."""
        name = name or self.album.collection.vector_collection
        self.store.ensure_collection(name, IndexSpec(), VGG16.dimension)
        vectors = np.random.default_rng(seed).random((len(rows), 512), dtype=np.float32)
        labels: list[Any] = [[""] * len(rows), [{}] * len(rows)]
        self.store.upsert(name, [row.vector_key or 0 for row in rows], vectors, *labels)

    def fetched(self, *rows: Image) -> dict[int, Vectors]:
        return stored_vectors(self.album.catalog, self.store, self.album.collection, rows or self.rows)

    def kept(self, *rows: Image) -> dict[int, list[float]]:
        """Return what the store has under the keys of rows."""
        found = InMemoryVectorStore.fetch_vectors(
            self.store, self.album.collection.vector_collection, [row.vector_key or 0 for row in rows], strong=True
        )
        return {row.id: found[row.vector_key or 0].tolist() for row in rows}


@pytest.fixture
def shelf(catalog: Catalog) -> Shelf:
    return Shelf(catalog)


def as_lists(found: dict[int, Vectors]) -> dict[int, list[float]]:
    return {image_id: vector.tolist() for image_id, vector in found.items()}


def test_vectors_are_fetched_at_once_where_all_are_seen(shelf: Shelf) -> None:
    assert as_lists(shelf.fetched()) == shelf.kept(*shelf.rows)
    assert shelf.store.levels == [False]


def test_a_vector_that_is_not_seen_yet_is_read_again_up_to_date(shelf: Shelf) -> None:
    shelf.store.unseen = {shelf.rows[1].vector_key or 0}
    assert as_lists(shelf.fetched()) == shelf.kept(*shelf.rows)
    assert shelf.store.levels == [False, True]


def test_a_vector_that_was_replaced_meanwhile_is_found_under_its_new_key(shelf: Shelf) -> None:
    new: list[Image] = []

    def replace() -> None:
        new.extend(shelf.album.index("/b", sha256="new"))
        shelf.write(new, seed=2)
        name = shelf.album.collection.vector_collection
        shelf.store.delete(name, [shelf.rows[1].vector_key or 0])

    shelf.store.at_fetch = replace
    found = as_lists(shelf.fetched())
    assert found == shelf.kept(shelf.rows[0], *new, shelf.rows[2])


def test_an_image_that_was_deleted_meanwhile_is_left_out(shelf: Shelf) -> None:
    def delete() -> None:
        shelf.album.delete(shelf.rows[1])
        shelf.store.delete(shelf.album.collection.vector_collection, [shelf.rows[1].vector_key or 0])

    shelf.store.at_fetch = delete
    assert shelf.fetched().keys() == {shelf.rows[0].id, shelf.rows[2].id}


def test_an_index_that_was_replaced_and_dropped_meanwhile_is_read_under_its_new_name(shelf: Shelf) -> None:
    def switch() -> None:
        old = shelf.album.collection.vector_collection
        build = shelf.album.begin_build()
        shelf.write(shelf.rows, seed=3, name=build.vector_collection)
        shelf.album.switch(build)
        shelf.store.drop_collection(old)

    shelf.store.at_fetch = switch
    assert as_lists(shelf.fetched()) == shelf.kept(*shelf.rows)


def test_while_a_switch_is_followed_the_vector_of_an_exception_is_read(shelf: Shelf) -> None:
    build = shelf.album.begin_build()
    shelf.write(shelf.rows, seed=3, name=build.vector_collection)
    key = shelf.album.record(build, shelf.rows[0], sha256="new") or 0
    vector = np.ones((1, 512), dtype=np.float32)
    shelf.store.upsert(build.vector_collection, [key], vector, [""], [{}])
    shelf.album.switch(build)
    found = as_lists(shelf.fetched())
    assert found == {shelf.rows[0].id: vector[0].tolist()} | shelf.kept(*shelf.rows[1:])


def test_a_vector_that_the_store_has_lost_is_its_failure(shelf: Shelf) -> None:
    shelf.store.drop_collection(shelf.album.collection.vector_collection)
    with pytest.raises(StoreUnavailable, match="cannot be read yet"):
        shelf.fetched()
    assert shelf.store.levels == [False, True]


def test_nothing_is_fetched_for_no_images(shelf: Shelf) -> None:
    found = stored_vectors(shelf.album.catalog, shelf.store, shelf.album.collection, [])
    assert (found, shelf.store.levels) == ({}, [])
