"""Name a part of a picture: a box in pixels, or in fractions of its sides."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Self

from imagesearch.errors import PermanentError

RULE = (
    "four numbers x,y,w,h: whole ones are pixels, and as soon as one of them has a decimal point all are "
    "fractions of the picture from 0 to 1"
)
_NUMBER = re.compile(r"\d{1,9}(\.\d{0,17})?|\.\d{1,17}")


class InvalidRegion(PermanentError):
    """A region is not written as one, or does not lie within its picture.

    Attributes:
        rule: what a right one looks like.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Region:
    """Hold a box from its upper left corner, in the picture as it is seen: after its EXIF orientation.

    Attributes:
        x, y, width, height: pixels, or fractions of the picture's width and height.
        is_fraction: which of the two.
    """

    x: float
    y: float
    width: float
    height: float
    is_fraction: bool

    @classmethod
    def parse(cls, raw: object) -> Self:
        """Read a region from text such as ``10,20,300,200`` or ``0.1,0.1,0.5,0.5``, or a list of four numbers.

        Raises:
            InvalidRegion: it is not four numbers, or they are negative, empty, or fractions above 1.
        """
        numbers, is_fraction = _from_text(raw) if isinstance(raw, str) else _from_list(raw)
        x, y, width, height = numbers
        if width <= 0 or height <= 0:
            raise InvalidRegion("w and h are above zero")
        # 0.1 + 0.9 may come out above 1 by the last bit of a double.
        if is_fraction and (x + width > 1 + 1e-9 or y + height > 1 + 1e-9):
            raise InvalidRegion("fractions lie within the picture: x + w and y + h are at most 1")
        return cls(x, y, width, height, is_fraction)

    def pixels(self, width: int, height: int, min_side: int) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom in a picture of that size.

        Raises:
            InvalidRegion: it reaches beyond the picture, or is smaller than `min_side` each way.
        """
        across, down = (width, height) if self.is_fraction else (1, 1)
        left, top = round(self.x * across), round(self.y * down)
        right, bottom = round((self.x + self.width) * across), round((self.y + self.height) * down)
        if right > width or bottom > height:
            raise InvalidRegion(f"the box lies within the picture, which is {width} x {height} pixels")
        if right - left < min_side or bottom - top < min_side:
            raise InvalidRegion(f"the box is at least {min_side} pixels wide and high")
        return left, top, right, bottom

    def __str__(self) -> str:
        """Return one text per box, to tell boxes apart."""
        unit = "of 1" if self.is_fraction else "px"
        return f"{self.x:.17g},{self.y:.17g},{self.width:.17g},{self.height:.17g} {unit}"


def _from_text(text: str) -> tuple[list[float], bool]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4 or not all(part.isascii() and _NUMBER.fullmatch(part) for part in parts):
        raise InvalidRegion(RULE)
    return [float(part) for part in parts], any("." in part for part in parts)


def _from_list(raw: object) -> tuple[list[float], bool]:
    if not isinstance(raw, list) or len(raw) != 4:
        raise InvalidRegion(RULE)
    for number in raw:
        if type(number) not in (int, float) or not math.isfinite(number) or not 0 <= number < 1e9:
            raise InvalidRegion(RULE)
    return [float(number) for number in raw], any(isinstance(number, float) for number in raw)
