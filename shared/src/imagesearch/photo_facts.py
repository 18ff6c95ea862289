"""Name the facts of photos that become metadata, and tell them from what callers give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

PREFIX: Final = "exif."
"""With which the names of all facts begin."""


class Fact(StrEnum):
    """Name what cameras note that a job may ask for."""

    TAKEN = "taken"
    """`exif.taken`: when, as `2024-05-01T10:11:12`, with `+02:00` behind it where the camera says so."""
    CAMERA = "camera"
    """`exif.camera`: maker and model."""
    ORIENTATION = "orientation"
    """`exif.orientation`: how the camera was held, 1 to 8."""
    PLACE = "place"
    """`exif.latitude` and `exif.longitude`, in degrees. They tell where people live: nobody has them unasked."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names in the metadata."""
        names = ("latitude", "longitude") if self is Fact.PLACE else (self.value,)
        return tuple(PREFIX + name for name in names)


def of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts among metadata."""
    return {name: value for name, value in metadata.items() if name.startswith(PREFIX)}


def without(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata without facts."""
    return {name: value for name, value in metadata.items() if not name.startswith(PREFIX)}


def are_there(metadata: Mapping[str, Any], wanted: Iterable[Fact]) -> bool:
    """Tell whether facts have been looked for: one that a photo does not tell is there as null."""
    return all(name in metadata for fact in wanted for name in fact.fields)
