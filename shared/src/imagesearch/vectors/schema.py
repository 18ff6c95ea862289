"""Lay out a collection of Milvus: its fields, and the index over its vectors."""

from __future__ import annotations

from pymilvus import CollectionSchema, DataType, MilvusClient
from pymilvus.milvus_client import IndexParams

from imagesearch.vectors.indexes import IndexSpec
from imagesearch.vectors.port import MAX_PARTITION_BYTES

PARTITIONS = 16
"""Parts that partition keys are hashed to, Milvus' own default: a search within one key reads 1/16, and rows
without a partition fill a single part."""


def fields(dimension: int, *, partition_key: bool) -> CollectionSchema:
    """Return the fields of a collection.

    Args:
        dimension: numbers of a vector.
        partition_key: lay rows of one partition together.
    """
    made = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    made.add_field("id", DataType.INT64, is_primary=True)
    made.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    made.add_field("partition", DataType.VARCHAR, max_length=MAX_PARTITION_BYTES, is_partition_key=partition_key)
    made.add_field("metadata", DataType.JSON)
    return made


def index(spec: IndexSpec) -> IndexParams:
    """Return how the vectors are indexed."""
    made = MilvusClient.prepare_index_params()
    made.add_index("vector", index_type=spec.index_type, metric_type="COSINE", params=spec.built_with)
    return made
