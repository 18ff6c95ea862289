"""Tell what a Milvus server can do by the version that it names."""

from __future__ import annotations

import re
from typing import get_args

from imagesearch.vectors.indexes import Capabilities, IndexType


def capabilities_of(version: str) -> Capabilities:
    """Return what a server that names this version can do."""
    is_lite = version.startswith("milvus_lite-")
    index_types = frozenset(get_args(IndexType))
    if "lite" in version:
        # Milvus Lite does not know DISKANN; the server of the `milvus` wheel (v2.3.5-lite) begins to build it
        # again and again, and never ends.
        index_types -= {"DISKANN"}
    number = re.search(r"(\d+)\.(\d+)", version)
    return Capabilities(
        product=f"Milvus Lite {version[12:]}" if is_lite else f"Milvus {version.removeprefix('v')}",
        index_types=index_types,
        # Up to 2.3.9 an upsert hashes the wrong field, and the row is never found by its partition:
        # https://github.com/milvus-io/milvus/pull/30773. Milvus Lite searches all parts anyway.
        partition_key=not is_lite and number is not None and (int(number[1]), int(number[2])) >= (2, 4),
        one_writer=is_lite,
        lists_vectors=is_lite,
    )
