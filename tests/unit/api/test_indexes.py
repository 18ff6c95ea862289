"""An index is taken where the store in use builds it."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch.vectors import Capabilities, InMemoryVectorStore
from imagesearch_api.errors import IndexRejected
from imagesearch_api.indexes import checked_index


class SmallStore(InMemoryVectorStore):
    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("Small Store 1.0", frozenset({"FLAT", "HNSW"}), partition_key=False, one_writer=True)


def test_an_index_that_the_store_builds_is_taken() -> None:
    assert checked_index("HNSW", {"M": 16}, SmallStore()).params == {"M": 16}


def test_an_index_that_the_store_cannot_build_is_refused_with_those_that_it_can() -> None:
    with pytest.raises(IndexRejected, match="builds FLAT, HNSW") as caught:
        checked_index("DISKANN", {}, SmallStore())
    assert caught.value.part == "index_type"


@pytest.mark.parametrize("params", [{"M": 3}, {"M": 16.5}, {"M": "16"}, {"M": True}, {"nlist": 4}, {"M": [16]}])
def test_a_parameter_that_cannot_be_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(IndexRejected) as caught:
        checked_index("HNSW", params, SmallStore())
    assert caught.value.part == "index_params"
