"""What finding and comparing pictures needs."""

from __future__ import annotations

from dataclasses import dataclass

from imagesearch.catalog.engine import Catalog
from imagesearch.messaging.query_channel import QueryChannel
from imagesearch.vectors import VectorStore
from imagesearch_api.pictures import Pictures
from imagesearch_api.search.query_cache import QueryCache


@dataclass(frozen=True, slots=True)
class Embedding:
    """Bundle what turns pictures into vectors.

    Attributes:
        pictures: reads and decodes them.
        queries: asks the query extractor.
        cache: remembers what it answered.
        timeout: seconds until the answer for one picture counts as lost.
        timeout_each: seconds that each further picture may take on top.
    """

    pictures: Pictures
    queries: QueryChannel
    cache: QueryCache
    timeout: float
    timeout_each: float


@dataclass(frozen=True, slots=True)
class Search:
    """Bundle the stores of pictures and vectors with what embeds pictures that neither of them has."""

    catalog: Catalog
    vectors: VectorStore
    embedding: Embedding
