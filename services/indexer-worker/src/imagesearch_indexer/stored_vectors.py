"""Find vectors by key, also right after they were written."""

from __future__ import annotations

from collections.abc import Sequence

from imagesearch.contract import Vectors
from imagesearch.errors import NotFound
from imagesearch.vectors import VectorStore


def fetch_vectors(store: VectorStore, vector_collection: str, wanted: Sequence[int]) -> dict[int, Vectors]:
    """Return vectors by key; what a read that may be a moment behind does not find is read again, up to date.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    try:
        found = store.fetch_vectors(vector_collection, wanted)
        if missing := [key for key in wanted if key not in found]:
            found |= store.fetch_vectors(vector_collection, missing, strong=True)
    except NotFound:
        # A collection that nothing was ever planned for has no vectors, and a store can lose all that it had.
        return {}
    return found
