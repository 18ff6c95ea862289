"""Check an index that is asked for against what the vector store in use can build."""

from __future__ import annotations

from typing import Any

from imagesearch.errors import UnsupportedByStore
from imagesearch.vectors import IndexSpec, IndexType, VectorStore
from imagesearch_api.errors import IndexRejected


def checked_index(index_type: IndexType, params: dict[str, Any], vectors: VectorStore) -> IndexSpec:
    """Return the index that was asked for.

    Raises:
        IndexRejected: there is no such index, or the store in use cannot build it; the rule names what it can.
        StoreUnavailable: the store does not answer.
    """
    try:
        spec = IndexSpec(index_type, params)
    except UnsupportedByStore as error:
        raise IndexRejected("index_params", str(error)) from error
    try:
        vectors.capabilities.require_index(spec)
    except UnsupportedByStore as error:
        raise IndexRejected("index_type", str(error)) from error
    return spec
