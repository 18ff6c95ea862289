"""Where in two pictures their similarity comes from, as the API tells it."""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import Self

from imagesearch_client.errors import ProtocolError
from imagesearch_client.fields import Fields

_PNG = "data:image/png;base64,"


@dataclass(frozen=True, slots=True)
class Heat:
    """Tell where in one picture a similarity comes from."""

    cells: tuple[tuple[float, ...], ...]
    """Rows of the network's last feature map; they sum to the similarity less `common`."""
    common: float
    """What the picture has in common with the mean of the collection's pictures."""
    frame: tuple[float, ...]
    """Left, top, right and bottom of the cells, in fractions of the upright picture."""
    overlay: str
    """A PNG to be laid over the upright picture, as a ``data:`` URL; see `png_of`."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it from JSON. Raises ProtocolError."""
        fields = Fields(value, "a heat map")
        return cls(
            cells=tuple(tuple(map(float, row)) for row in fields.items("cells")),
            common=fields.number("common"),
            frame=tuple(map(float, fields.items("frame"))),
            overlay=fields.text("overlay"),
        )


@dataclass(frozen=True, slots=True)
class Regions:
    """Tell where in two pictures their similarity comes from."""

    similarity: float
    """The cosine of their vectors."""
    mean_of: int
    """How many vectors of the collection the mean was taken of; 0 where nothing was taken away."""
    a: Heat
    b: Heat
    picture: str | None = None
    """A PNG of both with the heat over them, as a ``data:`` URL, where one was asked for."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read it from JSON. Raises ProtocolError."""
        fields = Fields(value, "regions")
        return cls(
            similarity=fields.number("similarity"),
            mean_of=fields.integer("mean_of"),
            a=Heat.parse(fields.mapping("a")),
            b=Heat.parse(fields.mapping("b")),
            picture=fields.optional_text("picture"),
        )


def png_of(url: str) -> bytes:
    """Return the bytes of a PNG that came as a ``data:`` URL.

    Raises:
        ProtocolError: it is none.
    """
    try:
        if url.startswith(_PNG):
            return b64decode(url.removeprefix(_PNG), validate=True)
    except binascii.Error as error:
        raise ProtocolError(f"the API's answer holds a picture that cannot be read: {error}") from error
    raise ProtocolError("the API's answer holds no PNG where one belongs")
