"""What finding and comparing pictures needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagesearch.catalog.engine import Catalog
from imagesearch.vectors import VectorStore
from imagesearch_api.search.embedding import Embedding
from imagesearch_api.search.mean_vectors import MeanVectors


@dataclass(frozen=True, slots=True)
class Search:
    """Bundle the stores of pictures and vectors with what embeds pictures that neither of them has."""

    catalog: Catalog
    vectors: VectorStore
    embedding: Embedding
    means: MeanVectors = field(default_factory=MeanVectors)
