"""Messages of the query channel: what the API and the query extractor must agree on, in the contract's form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import InvalidMessage
from imagesearch.wire import Message, added


@dataclass(frozen=True, slots=True)
class QueryPixels(Message):
    """Ask the query extractor for the vectors of pictures that the API has decoded."""

    count: int
    pixels: bytes
    """uint8[count, side, side, 3], RGB."""
    side: int
    seconds: float
    """For so long whoever asks waits for the answer, from when it was sent."""
    pooling: str | None = added(4, None)
    """How the last feature map becomes a vector; None is the network's own way."""


@dataclass(frozen=True, slots=True)
class QueryVectors(Message):
    """Answer a query with one vector per picture."""

    model: str
    vectors: bytes
    """float32[count, dimension of the network]; empty where the query was refused."""
    refusal: str | None = None
    """Why the query was refused; None where there are vectors."""


@dataclass(frozen=True, slots=True)
class ExplainPixels(Message):
    """Ask the query extractor from where in two pictures their similarity comes."""

    pixels: bytes
    """uint8[2, side, side, 3], RGB."""
    side: int
    seconds: float
    """For so long whoever asks waits for the answer, from when it was sent."""
    pooling: str | None
    """How the last feature map becomes a vector; None is the network's own way."""
    mean: bytes
    """float32[dimension of the network]: what many pictures have in common, which is taken away; empty takes away
    nothing."""

    @property
    def count(self) -> int:
        """Return how many pictures there are."""
        return 2


@dataclass(frozen=True, slots=True)
class ExplainedCells(Message):
    """Answer with the share that each cell of the last feature maps has in the similarity of two pictures."""

    model: str
    height: int = 0
    width: int = 0
    cells: bytes = b""
    """float32[2, height, width]: those of a picture sum to `similarity` less its number of `common`; empty where
    the request was refused."""
    similarity: float = 0.0
    """The cosine of the two vectors."""
    common: tuple[float, ...] = ()
    """For each picture the inner product of its vector and the mean."""
    refusal: str | None = None
    """Why the request was refused; None where there are cells."""


def unpack_cells(raw: bytes, height: int, width: int) -> Vectors:
    """Return float32[2, height, width], the cells of two pictures.

    Raises:
        InvalidMessage: the bytes are not exactly these.
    """
    if height < 1 or width < 1 or len(raw) != 2 * height * width * 4:
        raise InvalidMessage(f"cells: {len(raw)} bytes are not 2 x {height} x {width} float32")
    return np.frombuffer(raw, dtype="<f4").reshape(2, height, width)


def unpack_pixels(raw: bytes, count: int, side: int) -> Pixels:
    """Return uint8[count, side, side, 3] from raw bytes.

    Raises:
        InvalidMessage: the bytes are not exactly `count` pictures.
    """
    if count < 1 or side < 1 or len(raw) != count * side * side * 3:
        raise InvalidMessage(f"pixels: {len(raw)} bytes are not {count} x {side} x {side} x 3")
    return np.frombuffer(raw, dtype=np.uint8).reshape(count, side, side, 3)
