"""Estimate how much memory decoding a picture takes, from what its header claims."""

from __future__ import annotations

from collections.abc import Callable

from PIL import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from imagesearch.pictures.structures import jpeg

Admit = Callable[[int], None]
"""Told how many bytes the next step takes, before it begins; it waits until there is room, or raises."""

PIXEL_BYTES = {"JPEG": 8, "PNG": 10, "GIF": 10, "BMP": 10, "TIFF": 12, "WEBP": 20, "HEIF": 20, "AVIF": 20}
"""Largest memory that decoding took per pixel: two copies of four bytes live at once while a picture is turned,
cut or made RGB. Peaks of the process over pictures of 63 megapixels in every mode that Pillow writes: JPEG 8.0,
PNG 9.0, GIF 9.0, BMP 8.0, TIFF 8.0 besides its strip, WebP 17.2; over 3 megapixels in one tile HEIC 16.3 (10 bits,
transparent) and AVIF 11.9."""

COEFFICIENT_BYTES = 8
"""What libjpeg keeps per pixel of a JPEG that is drawn in several passes: 2 bytes for each of 4 components."""

_TILE_WIDTH, _TILE_HEIGHT = 322, 323


def decoding_bytes(source: ImageFile.ImageFile, name: str, data: bytes, pixels: int) -> int:
    """Return the bytes that decoding a picture takes at its peak, besides the file itself.

    Args:
        source: the picture, opened and not loaded; a JPEG may have been told to come smaller.
        name: its format, as `formats.sniff` calls it.
        data: the whole file.
        pixels: width x height of its header.
    """
    across, down = source.size
    drawn = PIXEL_BYTES[name] * across * down
    if name == "JPEG" and jpeg.is_drawn_in_passes(data):
        return max(drawn, 4 * across * down + COEFFICIENT_BYTES * pixels)
    if isinstance(source, TiffImageFile):
        # Libtiff gets a copy of the file, and a tile is decoded whole even where it reaches beyond the picture.
        tile = int(source.tag_v2.get(_TILE_WIDTH, 0)) * int(source.tag_v2.get(_TILE_HEIGHT, 0))
        return max(drawn, PIXEL_BYTES[name] * tile) + len(data)
    return drawn
