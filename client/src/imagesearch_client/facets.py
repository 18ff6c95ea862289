"""What metadata the pictures of a collection have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from imagesearch_client.fields import Fields


@dataclass(frozen=True, slots=True)
class FacetValue:
    """Name a value of a field, and how many of the pictures that were looked at have it."""

    value: str | int | float | bool
    images: int

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a value from JSON. Raises ProtocolError."""
        fields = Fields(value, "a value of a facet")
        return cls(fields.scalar("value"), fields.integer("images"))


@dataclass(frozen=True, slots=True)
class Facet:
    """Describe a field that searches can be filtered by."""

    field: str
    images: int
    """How many of the pictures that were looked at have it."""
    values: tuple[FacetValue, ...]
    """The most frequent values."""
    values_capped: bool
    """Whether it has others."""
    least: float | None
    """The smallest of its numbers; None where it has none."""
    greatest: float | None

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a facet from JSON. Raises ProtocolError."""
        fields = Fields(value, "a facet")
        return cls(
            field=fields.text("field"),
            images=fields.integer("images"),
            values=tuple(map(FacetValue.parse, fields.items("values"))),
            values_capped=fields.flag("values_capped"),
            least=fields.optional_number("least"),
            greatest=fields.optional_number("greatest"),
        )


@dataclass(frozen=True, slots=True)
class Facets:
    """Hold the fields of a collection, the most frequent first."""

    items: tuple[Facet, ...]
    looked_at: int
    """How many pictures were looked at."""
    is_complete: bool
    """Whether those were all: otherwise a value that few pictures have may be missing."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read facets from JSON. Raises ProtocolError."""
        fields = Fields(value, "the facets of a collection")
        return cls(
            items=tuple(map(Facet.parse, fields.items("items"))),
            looked_at=fields.integer("looked_at"),
            is_complete=fields.flag("is_complete"),
        )
