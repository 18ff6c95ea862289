"""What the API answers about similar pictures: groups of duplicates, and two pictures compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from imagesearch_client.explanations import Regions
from imagesearch_client.fields import Fields


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Describe one picture of a group."""

    id: int
    path: str
    url: str | None
    distance: float
    """To the nearest other picture of the group."""
    sha256: str | None
    size_bytes: int | None
    width: int | None
    height: int | None
    partition: str | None

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a picture from JSON. Raises ProtocolError."""
        fields = Fields(value, "a duplicate")
        return cls(
            id=fields.integer("id"),
            path=fields.text("path"),
            url=fields.optional_text("url"),
            distance=fields.number("distance"),
            sha256=fields.optional_text("sha256"),
            size_bytes=fields.optional_integer("bytes"),
            width=fields.optional_integer("width"),
            height=fields.optional_integer("height"),
            partition=fields.optional_text("partition"),
        )


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Hold pictures that are alike, from one to the next."""

    id: int
    """Of the picture that it began with."""
    kind: str
    """``exact`` where all files hold the same bytes, else ``near``."""
    images: tuple[Duplicate, ...]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a group from JSON. Raises ProtocolError."""
        fields = Fields(value, "a group of duplicates")
        images = tuple(Duplicate.parse(image) for image in fields.items("images"))
        return cls(id=fields.integer("id"), kind=fields.text("kind"), images=images)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Tell how far two pictures lie from each other."""

    distance: float
    """1 - cosine, in 0..1: smaller is more similar."""
    band: str | None
    """``same``, ``near`` or ``similar``; None where they are farther apart, or where nothing was measured."""
    same_content: bool
    """Both files hold the same bytes."""
    regions: Regions | None = None
    """Where it comes from, if that was asked for."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a comparison from JSON. Raises ProtocolError."""
        fields = Fields(value, "a comparison")
        regions = Regions.parse(fields.mapping("regions")) if "regions" in fields else None
        return cls(fields.number("distance"), fields.optional_text("band"), fields.flag("same_content"), regions)
