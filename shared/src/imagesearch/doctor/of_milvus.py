"""Look at Milvus: its version, and whether it has what the catalogue says."""

from __future__ import annotations

from typing import cast

from imagesearch.catalog import collections
from imagesearch.catalog.engine import Catalog
from imagesearch.doctor.diagnosis import Diagnosis, judge
from imagesearch.errors import UnsupportedByStore
from imagesearch.vectors import IndexSpec, IndexType, VectorStore

MAX_NAMED = 10


def examine_milvus(vectors: VectorStore, catalog: Catalog) -> list[Diagnosis]:
    """Return what is to be said of Milvus and of the collections in it.

    Raises:
        StoreUnavailable: it does not answer, or Postgres does not.
    """
    capabilities = vectors.capabilities
    there = set(vectors.collections())
    with catalog.reading() as tx:
        found = collections.all_active(tx)
    # One that has no network yet is made with its first batch.
    lost = [one.name for one in found if one.model is not None and one.vector_collection not in there]
    unfit = []
    for collection in found:
        try:
            index_type = cast(IndexType, collection.index_type)
            capabilities.require_index(IndexSpec(index_type, collection.index_params))
        except (UnsupportedByStore, ValueError) as error:
            unfit.append(f"{collection.name} ({error})")
    return [
        judge("milvus version", capabilities.product, "", is_well=True),
        judge(
            "milvus collections",
            f"lost: {', '.join(lost[:MAX_NAMED])}" if lost else f"{len(found)} of the catalogue are there",
            "Run imagesearch admin reconcile: their pictures are read again.",
            is_well=not lost,
        ),
        judge(
            "milvus index",
            f"not supported: {'; '.join(unfit[:MAX_NAMED])}" if unfit else "every index type is supported",
            "Reindex these collections with a type that the server builds.",
            is_well=not unfit,
        ),
        judge(
            "milvus interim index",
            "none" if capabilities.one_writer else "the server does not tell",
            "See that queryNode.segcore.interimIndex.enableIndex is false: rows that are not sealed are searched "
            "badly otherwise.",
            is_well=True if capabilities.one_writer else None,
        ),
    ]
