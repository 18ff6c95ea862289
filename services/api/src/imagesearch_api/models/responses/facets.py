"""What is answered about the metadata that the images of a collection have."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, WithJsonSchema

from imagesearch.catalog import facets as catalog
from imagesearch_api.models.responses.base import Answer, Count

Scalar = Annotated[
    str | int | float | bool, WithJsonSchema({"type": ["string", "number", "boolean"]}), Field(union_mode="smart")
]
Number = Annotated[int | float, WithJsonSchema({"type": "number"})]


class FacetValue(Answer):
    """A value of a field, and how many of the images that were looked at have it."""

    value: Scalar
    images: Count


class Facet(Answer):
    """A field of metadata that searches can be filtered by."""

    field: str
    images: Count
    values: list[FacetValue]
    values_capped: bool = Field(description="Whether it has other values than these, which are the most frequent.")
    least: Number | None = Field(description="The smallest of its numbers; null where it has none.")
    greatest: Number | None


class Facets(Answer):
    """The fields of a collection, the most frequent first.

    A large collection is looked at in places: a value that few images have may be missing then.
    """

    looked_at: Count = Field(description="How many images were looked at.")
    is_complete: bool = Field(description="Whether those were all.")
    items: list[Facet]

    @classmethod
    def of(cls, found: catalog.Facets) -> Self:
        """Return what is answered of facets."""
        items = [
            Facet(
                field=one.field,
                images=one.images,
                values=[FacetValue(value=value, images=images) for value, images in one.values],
                values_capped=one.is_capped,
                least=one.least,
                greatest=one.greatest,
            )
            for one in found.facets
        ]
        return cls(looked_at=found.looked_at, is_complete=found.is_complete, items=items)
