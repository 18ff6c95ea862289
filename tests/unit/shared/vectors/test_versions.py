"""What the Milvus adapter concludes from a server's version."""

from __future__ import annotations

import pytest

from imagesearch.vectors.versions import capabilities_of


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
