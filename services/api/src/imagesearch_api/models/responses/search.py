"""What is answered to searches."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from pydantic import Field

from imagesearch.catalog.images import Image
from imagesearch.contract import Vectors
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


class BatchResults(Answer):
    """What each query of a batch found, in their order."""

    queries: list[Matches]
    took_ms: Milliseconds
