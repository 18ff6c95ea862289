"""The port's own checks, and what the Milvus adapter concludes from a server's version."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imagesearch.errors import UnsupportedByStore
from imagesearch.vectors import Capabilities, IndexSpec
from imagesearch.vectors.milvus import capabilities_of
from imagesearch.vectors.port import checked_rows
from support.vector_contract import unit_vectors


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


def test_of_rows_with_one_id_the_last_is_written() -> None:
    assert checked_rows([7, 8, 7, 9, 8], unit_vectors(1, 5)).tolist() == [2, 4, 3]
    assert checked_rows(np.array([], dtype=np.int64), unit_vectors(1, 0)).tolist() == []


@pytest.mark.parametrize(
    ("version", "product", "diskann", "partition_key", "one_writer"),
    [
        ("milvus_lite-3.2.2", "Milvus Lite 3.2.2", False, False, True),
        ("v2.3.5-lite", "Milvus 2.3.5-lite", False, False, False),
        ("v2.3.21", "Milvus 2.3.21", True, False, False),
        ("2.4.0", "Milvus 2.4.0", True, True, False),
        ("v2.6.4", "Milvus 2.6.4", True, True, False),
        ("v3.0.0-rc1", "Milvus 3.0.0-rc1", True, True, False),
        ("unknown", "Milvus unknown", True, False, False),
    ],
)
def test_a_server_can_do_what_its_version_says(
    version: str, product: str, diskann: bool, partition_key: bool, one_writer: bool
) -> None:
    found = capabilities_of(version)
    assert found.product == product
    assert {"AUTOINDEX", "HNSW", "IVF_SQ8", "FLAT"} <= found.index_types
    assert ("DISKANN" in found.index_types) is diskann
    assert found.partition_key is partition_key
    assert found.one_writer is one_writer


def test_a_refusal_names_what_the_store_can() -> None:
    able = Capabilities("Store 1", frozenset({"FLAT", "HNSW"}), partition_key=False, one_writer=False)
    able.require_index(IndexSpec("HNSW", {"M": 8}))
    with pytest.raises(UnsupportedByStore, match="index DISKANN: Store 1 builds FLAT, HNSW"):
        able.require_index(IndexSpec("DISKANN"))
