"""Indexes that stores build, and those that they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch.errors import UnsupportedByStore
from imagesearch.vectors import Capabilities, IndexSpec


@pytest.mark.parametrize(
    ("index_type", "params", "rule"),
    [
        ("ANNOY", {}, "one of AUTOINDEX, HNSW"),
        ("HNSW", {"m": 16}, "takes M, efConstruction, not 'm'"),
        ("HNSW", {"M": 3}, "M is a whole number from 4 to 64"),
        ("HNSW", {"M": "16"}, "M is a whole number"),
        ("HNSW", {"M": True}, "M is a whole number"),
        ("IVF_SQ8", {"nlist": 0}, "nlist is a whole number from 1 to 65536"),
        ("AUTOINDEX", {"M": 16}, "takes no parameters, not 'M'"),
    ],
)
def test_an_index_that_no_store_builds_is_refused(index_type: Any, params: dict[str, Any], rule: str) -> None:
    with pytest.raises(UnsupportedByStore, match=rule):
        IndexSpec(index_type, params)


def test_a_refusal_names_what_the_store_can() -> None:
    able = Capabilities("Store 1", frozenset({"FLAT", "HNSW"}), partition_key=False, one_writer=False)
    able.require_index(IndexSpec("HNSW", {"M": 8}))
    with pytest.raises(UnsupportedByStore, match="index DISKANN: Store 1 builds FLAT, HNSW"):
        able.require_index(IndexSpec("DISKANN"))
