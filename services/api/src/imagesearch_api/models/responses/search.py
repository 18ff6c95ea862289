"""What is answered to searches."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self, cast

from pydantic import Field

from imagesearch.catalog.images import Image
from imagesearch.contract import Vectors
from imagesearch.vectors import IndexSpec, IndexType
from imagesearch_api.models.responses.base import (
    Answer,
    Anything,
    Count,
    Distance,
    Id,
    Link,
    Milliseconds,
    Vector,
)
from imagesearch_api.models.responses.similarity import Regions
from imagesearch_api.search.plan import Plan
from imagesearch_api.search.regions import Regions as FoundRegions


class Result(Answer):
    """A picture that was found; from `metadata` on what `include` and `explain` asked for."""

    id: Id
    path: str
    url: Link
    distance: Distance
    key: str | None = Field(default=None, description="Your own id of it; left out where it was given none.")
    metadata: Anything = Field(default_factory=dict)
    width: Count | None = None
    height: Count | None = None
    bytes: Count | None = None
    format: str | None = None
    thumbnail_url: Link = ""
    vector: Vector = Field(default_factory=list)
    regions: Regions | None = None

    @classmethod
    def of(
        cls,
        image: Image,
        distance: float,
        url: str,
        thumbnail_url: str,
        include: Collection[str],
        *,
        regions: FoundRegions | None = None,
        vector: Vectors | None = None,
    ) -> Self:
        """Return what is answered about a picture: what is always told, what to include, what is explained."""
        parts: dict[str, Any] = {} if image.own_key is None else {"key": image.own_key}
        if "metadata" in include:
            parts["metadata"] = image.metadata
        if "size" in include:
            parts |= {
                "width": image.width,
                "height": image.height,
                "bytes": image.size_bytes,
                "format": image.format,
            }
        if "thumbnail" in include:
            parts["thumbnail_url"] = thumbnail_url
        if vector is not None:
            parts["vector"] = vector.tolist()
        if regions is not None:
            parts["regions"] = Regions.of(regions)
        return cls(id=image.id, path=image.path, url=url, distance=distance, **parts)


class StoreLook(Answer):
    """One look of a search at the vector store; it goes deeper when it has not seen enough."""

    rows: Count = Field(description="Nearest rows asked for, for each query.")
    params: Anything = Field(description="How hard it looked, in the words of the index.")


class SearchPlan(Answer):
    """How a search was done."""

    index_type: str
    index_params: Anything = Field(description="What the index was built with, what nobody chose included.")
    dimension: Count = Field(description="Numbers of a vector.")
    metric: str
    consistency: str | None = Field(
        description="How far behind the newest writes the store may have read, in the words of Milvus; null where "
        "there was nothing to look at."
    )
    looks: list[StoreLook]

    @classmethod
    def of(cls, plan: Plan) -> Self | None:
        """Return what is answered of how a search was done; None where it never got to its collection."""
        if plan.collection is None:
            return None
        collection = plan.collection
        spec = IndexSpec(cast(IndexType, collection.index_type), collection.index_params)
        return cls(
            index_type=spec.index_type,
            index_params=spec.built_with,
            dimension=collection.dimension,
            metric=collection.metric,
            consistency=plan.looks[0].consistency if plan.looks else None,
            looks=[StoreLook(rows=look.rows, params=spec.read_of(look.effort)) for look in plan.looks],
        )


class Embeddings(Answer):
    """The vectors of pictures, in their order."""

    model: str = Field(
        description="The network with its pooling and weights: vectors of another cannot be compared."
    )
    vectors: list[Vector]
    took_ms: Milliseconds


class Matches(Answer):
    """What one query of a batch found, nearest first."""

    results: list[Result]


class Results(Matches):
    """What a search found, nearest first."""

    took_ms: Milliseconds
    plan: SearchPlan | None = None


class BatchResults(Answer):
    """What each query of a batch found, in their order."""

    queries: list[Matches]
    took_ms: Milliseconds
    plan: SearchPlan | None = None
