"""Bring a picture to the square that a network takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from PIL import Image

from imagesearch.pipeline import Preprocessing, Resize

_RESAMPLING: dict[Resize, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "antialiased": Image.Resampling.BICUBIC,
}
"""All but NEAREST reach over every pixel that they shrink, as Pillow applies them."""

_GREY = (124, 116, 104)
"""The mean colour of ImageNet, which preprocessing turns into zeros: what convolutions pad with anyway."""

_SPARE = 2
"""How many times the input's side a JPEG has at least when it comes smaller than it is: the last step is then a
good filter and not the JPEG's own coarse one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Tell which part of an upright picture the network's square shows, in fractions of its width and height.

    With ``pad`` the square reaches beyond the picture: below 0 and above 1.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    @classmethod
    def of(cls, part: tuple[int, int, int, int], size: tuple[int, int], preprocessing: Preprocessing) -> Self:
        """Return the frame where a part of a picture of that size was brought to a square, as `to_square` does."""
        left, top, right, bottom = part
        width, height = right - left, bottom - top
        shown: tuple[float, float, float, float] = (0, 0, width, height)
        if preprocessing.aspect == "crop":
            shown = _middle(width, height)
        elif preprocessing.aspect == "pad":
            across, down = _padded(width, height, preprocessing.side)
            x, y = _margins(across, down, preprocessing.side)
            shown = (
                -x * width / across,
                -y * height / down,
                (preprocessing.side - x) * width / across,
                (preprocessing.side - y) * height / down,
            )
        return cls(
            (left + shown[0]) / size[0],
            (top + shown[1]) / size[1],
            (left + shown[2]) / size[0],
            (top + shown[3]) / size[1],
        )


def enough_for(preprocessing: Preprocessing) -> tuple[int, int] | None:
    """Return a width and height from which on more pixels change little; None where every pixel counts."""
    if preprocessing.resize != "antialiased":
        return None
    side = _SPARE * preprocessing.side
    return side, side


def to_square(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Return an RGB picture as `side` x `side` pixels."""
    side, resampling = preprocessing.side, _RESAMPLING[preprocessing.resize]
    width, height = image.size
    if preprocessing.aspect == "crop":
        return image.resize((side, side), resampling, _middle(width, height))
    if preprocessing.aspect == "pad":
        across, down = _padded(width, height, side)
        square = Image.new("RGB", (side, side), _GREY)
        square.paste(image.resize((across, down), resampling), _margins(across, down, side))
        return square
    return image.resize((side, side), resampling)


def _middle(width: int, height: int) -> tuple[int, int, int, int]:
    """Return the square in the middle: left, top, right and bottom."""
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    return left, top, left + short, top + short


def _padded(width: int, height: int, side: int) -> tuple[int, int]:
    """Return how large a picture is within the square that it does not fill."""
    longer = max(width, height)
    return max(1, round(side * width / longer)), max(1, round(side * height / longer))


def _margins(across: int, down: int, side: int) -> tuple[int, int]:
    """Return what is left free of the square on the left and above."""
    return (side - across) // 2, (side - down) // 2
