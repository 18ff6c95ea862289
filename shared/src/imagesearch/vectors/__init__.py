"""Keep and search vectors: the port, its Milvus adapter, its in-memory twin, and filters on metadata."""

from imagesearch.vectors.filters import Filter, InvalidFilter, matches, parse_filter
from imagesearch.vectors.indexes import Capabilities, IndexSpec, IndexType
from imagesearch.vectors.memory import InMemoryVectorStore
from imagesearch.vectors.port import MAX_PARTITION_BYTES, MAX_WINDOW, Hit, Look, VectorStore

__all__ = [
    "MAX_PARTITION_BYTES",
    "MAX_WINDOW",
    "Capabilities",
    "Filter",
    "Hit",
    "InMemoryVectorStore",
    "IndexSpec",
    "IndexType",
    "InvalidFilter",
    "Look",
    "VectorStore",
    "matches",
    "parse_filter",
]
