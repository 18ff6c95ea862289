"""Change pictures in ways that leave them the same picture to a person."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

Change = Callable[[Image.Image], bytes]

_FILTERS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}
_QUALITY = 30
_CROP, _LARGE_CROP = 0.1, 0.4
_BORDER = 0.1
_BRIGHTER = 1.4


def _recompressed(picture: Image.Image) -> bytes:
    return _written(picture, _QUALITY)


def _smaller(picture: Image.Image, *, divisor: int, resampling: Image.Resampling) -> bytes:
    width, height = (max(1, side // divisor) for side in picture.size)
    return _written(picture.resize((width, height), resampling))


def _bordered(picture: Image.Image) -> bytes:
    return _written(ImageOps.expand(picture, int(_BORDER * min(picture.size)), "white"))


def _cropped(picture: Image.Image, *, part: float = _CROP) -> bytes:
    width, height = picture.size
    left, top = int(part / 2 * width), int(part / 2 * height)
    return _written(picture.crop((left, top, width - left, height - top)))


def _mirrored(picture: Image.Image) -> bytes:
    return _written(ImageOps.mirror(picture))


def _brightened(picture: Image.Image) -> bytes:
    return _written(ImageEnhance.Brightness(picture).enhance(_BRIGHTER))


def _with_text(picture: Image.Image) -> bytes:
    made = picture.copy()
    ImageDraw.Draw(made).text(
        (made.width * 0.05, made.height * 0.7), "SAMPLE 2024", fill="white", font_size=max(8, made.height // 6)
    )
    return _written(made)


def _screenshot(picture: Image.Image) -> bytes:
    """Return the picture in a window: a bar above, a grey margin around."""
    margin, bar = picture.width // 10, max(4, picture.height // 12)
    made = Image.new("RGB", (picture.width + 2 * margin, picture.height + 2 * margin + bar), "#dddddd")
    ImageDraw.Draw(made).rectangle((0, 0, made.width, bar), fill="#333333")
    made.paste(picture, (margin, margin + bar))
    out = io.BytesIO()
    made.save(out, "PNG")
    return out.getvalue()


def _on_a_page(picture: Image.Image) -> bytes:
    """Return the picture in the upper left of a white page with lines of text: two thirds of each side are its."""
    made = Image.new("RGB", (picture.width * 3 // 2, picture.height * 3 // 2), "white")
    made.paste(picture, (0, 0))
    draw = ImageDraw.Draw(made)
    for line in range(picture.height + 8, made.height - 4, max(6, made.height // 24)):
        draw.line((8, line, made.width - 8, line), fill="#444444", width=2)
    return _written(made)


def _written(picture: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


CHANGES: Final[Mapping[str, Change]] = {
    "recompressed": _recompressed,
    **{
        f"{size}, {name}": partial(_smaller, divisor=divisor, resampling=resampling)
        for size, divisor in (("half", 2), ("quarter", 4))
        for name, resampling in _FILTERS.items()
    },
    "bordered": _bordered,
    "cropped": _cropped,
    "mirrored": _mirrored,
    "brightened": _brightened,
    "with text": _with_text,
    "screenshot": _screenshot,
}

HARDER: Final[Mapping[str, Change]] = {
    "cropped by 40 %": partial(_cropped, part=_LARGE_CROP),
    "on a page": _on_a_page,
}
"""Where a part of the picture, or of the query, is all that the two have in common."""
