"""Bring a picture to the square that a network takes."""

from __future__ import annotations

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
        short = min(width, height)
        left, top = (width - short) // 2, (height - short) // 2
        return image.resize((side, side), resampling, (left, top, left + short, top + short))
    if preprocessing.aspect == "pad":
        longer = max(width, height)
        across, down = (max(1, round(side * length / longer)) for length in (width, height))
        square = Image.new("RGB", (side, side), _GREY)
        square.paste(image.resize((across, down), resampling), ((side - across) // 2, (side - down) // 2))
        return square
    return image.resize((side, side), resampling)
