"""Change pictures in ways that leave them the same picture to a person."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

_FILTERS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}
_QUALITY = 30
_CROP = 0.1
_BORDER = 0.1
_BRIGHTER = 1.4


def _recompressed(picture: Image.Image) -> bytes:
    return _written(picture, _QUALITY)


def _smaller(picture: Image.Image, *, divisor: int, resampling: Image.Resampling) -> bytes:
    width, height = (max(1, side // divisor) for side in picture.size)
    return _written(picture.resize((width, height), resampling))


def _bordered(picture: Image.Image) -> bytes:
    return _written(ImageOps.expand(picture, int(_BORDER * min(picture.size)), "white"))


def _cropped(picture: Image.Image) -> bytes:
    width, height = picture.size
    left, top = int(_CROP / 2 * width), int(_CROP / 2 * height)
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


def _written(picture: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


CHANGES: Final[Mapping[str, Callable[[Image.Image], bytes]]] = {
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
