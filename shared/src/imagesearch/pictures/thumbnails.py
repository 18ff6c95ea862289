"""Make small versions of pictures for people to look at."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image

from imagesearch.errors import PictureRejected
from imagesearch.failures import FailureCode
from imagesearch.pictures.costs import Admit
from imagesearch.pictures.decode import open_picture
from imagesearch.settings import PictureSettings

ThumbnailFormat = Literal["JPEG", "WEBP"]

_QUALITY = 80


def thumbnail(
    data: bytes,
    size: int,
    limits: PictureSettings,
    file_format: ThumbnailFormat = "JPEG",
    *,
    admit: Admit | None = None,
) -> bytes:
    """Return a picture as a file that fits into `size` x `size` pixels; one that does already is not enlarged.

    It is upright, on white where it was transparent, and carries none of the original's notes. `admit` is told
    how much memory the pixels take before they are decoded; what it raises goes through.

    Raises:
        PictureRejected: as `decode.decode` does.
    """
    try:
        # Twice the size, so that the last step is a good filter and not the JPEG's own coarse one.
        image = open_picture(data, limits, enough=(2 * size, 2 * size), admit=admit).image
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        image.info = {}  # Pillow would write a GIF's comment into the JPEG, and refuse a long one.
        file = io.BytesIO()
        image.save(file, file_format, quality=_QUALITY)
    except MemoryError as error:
        reason = "decoding the picture takes more memory than there is"
        raise PictureRejected(FailureCode.TOO_LARGE, reason) from error
    return file.getvalue()
