"""The store in memory keeps the contract that the servers keep."""

from __future__ import annotations

import pytest

from imagesearch.networks import VGG16
from imagesearch.vectors import IndexSpec, InMemoryVectorStore
from support.filter_contract import FilterContract
from support.vector_contract import DeepPagesContract, VectorStoreContract, unit_vectors


@pytest.fixture(scope="module")
def store() -> InMemoryVectorStore:
    return InMemoryVectorStore()


class TestInMemory(VectorStoreContract):
    pass


class TestDeepPagesInMemory(DeepPagesContract):
    pass


class TestFiltersInMemory(FilterContract):
    pass


def test_what_was_written_is_a_copy(store: InMemoryVectorStore) -> None:
    vectors, metadata = unit_vectors(1, 1), [{"a": 1}]
    store.ensure_collection("copies", IndexSpec(), VGG16.dimension)
    store.upsert("copies", [1], vectors, [""], metadata)
    written = vectors[0].copy()
    vectors[:] = 0
    store.fetch_vectors("copies", [1])[1][:] = 0
    assert (store.fetch_vectors("copies", [1])[1] == written).all()
