"""Read formats with Pillow, but for the parts of it whose cost has no bound.

Pillow's classes are named instead of going through `Image.open`: that warns about large pictures through
`warnings`, whose state belongs to the process and not to a thread, and it would read an MPO's second picture,
which nobody asked for.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import ImageFile, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from imagesearch.pictures.run_lengths import unpack
from imagesearch.pictures.stills import StillImageFile
from imagesearch.pictures.structures import exif, png
from imagesearch.pictures.structures.effort import Effort

_ORIENTATION = 0x0112

_PORTION_BYTES = 16 * 1024
"""Packed bytes of a PNG between two looks at the clock; a hostile portion takes a millisecond."""
_ROW_BYTES = 4
"""Bytes of a PNG that take as long to unpack as a row takes besides, 30 ns."""
_HARD_SHARE, _STORED_SHARE = 1.4, 0.7
"""What is left of a byte's worth as pixels get harder to pack: 1.4 less 0.7 of the packed share, and no more than
1. Pixels packed to 0.2 to 0.5 took up to 8.8 ns a byte, those that were packed to 0.54 to 0.96 took 5.3."""


class _Jpeg(JpegImageFile):
    def _open(self) -> None:
        super()._open()
        if self.fp is not None:
            # The whole file at once: libjpeg looks at a run of 0xFF from its beginning for each further block.
            offset = self.fp.tell()
            self.decodermaxblock = max(self.decodermaxblock, self.fp.seek(0, io.SEEK_END))
            self.fp.seek(offset)


class _Png(PngImageFile):
    _effort: Effort

    def load_prepare(self) -> None:
        """Begin to count the CPU that the pixels take."""
        super().load_prepare()
        self._effort = Effort("png", self._worth)

    def load_read(self, read_bytes: int) -> bytes:
        """Read some more packed bytes, if those before were worth it."""
        self._effort.check()
        return super().load_read(min(read_bytes, _PORTION_BYTES))

    def load_end(self) -> None:
        """Read what stands behind the pixels, and check the camera's notes: the last ones are those that count."""
        super().load_end()
        exif.check(self.info.get("exif", b""))

    def _open(self) -> None:
        super()._open()
        assert self.fp is not None  # noqa: S101 - Pillow has just read from it.
        offset = self.fp.tell()
        self.fp.seek(0)
        data = self.fp.read()
        self.fp.seek(offset)
        width, height = self.size
        raw, packed = png.raw_bytes(data), png.packed_bytes(data)
        hard = min(1, _HARD_SHARE - (_HARD_SHARE - _STORED_SHARE) * packed / raw)
        self._worth = max(raw * max(_STORED_SHARE, hard), width * height) + _ROW_BYTES * height


class _WebP(WebPImageFile):
    def _open(self) -> None:
        super()._open()
        # Of many notes only these are read, and only the decoder knows which: inside a frame they may stand too.
        exif.check(self.info.get("exif", b""))


class _Bmp(BmpImageFile):
    def _open(self) -> None:
        super()._open()
        _widen_blocks(self)

    def load(self) -> Any:
        """Unpack run lengths without Pillow's decoder, which spends a call on each byte."""
        if self.tile and self.tile[0].codec_name == "bmp_rle" and self.fp is not None:
            tile = self.tile[0]
            assert isinstance(tile.args, tuple)  # noqa: S101 - Pillow gives three for this codec.
            _, is_4_bits, direction = tile.args
            self.fp.seek(0)
            pixels = unpack(self.fp.read(), tile.offset, *self.size, is_4_bits=bool(is_4_bits))
            raw = "L" if self.mode in {"1", "L"} else "P"
            self.fp = io.BytesIO(pixels)
            self.tile = [tile._replace(codec_name="raw", offset=0, args=(raw, 0, direction))]
        return super().load()


class _Tiff(TiffImageFile):
    def _open(self) -> None:
        super()._open()
        _widen_blocks(self)

    def load_end(self) -> None:
        """Turn the picture upright, as Pillow does, without unpacking every note in the file before."""
        self._close_exclusive_fp_after_loading = not self.is_animated
        ImageOps.exif_transpose(self, in_place=True)
        if _ORIENTATION in self.tag_v2:
            del self.tag_v2[_ORIENTATION]


def _widen_blocks(source: ImageFile.ImageFile) -> None:
    # A decoder takes whole rows, and Pillow copies what it has of a row with each block that it reads.
    source.decodermaxblock = max(source.decodermaxblock, 8 * source.size[0])


READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": _Jpeg,
    "PNG": _Png,
    "WEBP": _WebP,
    "GIF": GifImageFile,
    "BMP": _Bmp,
    "TIFF": _Tiff,
    "HEIF": StillImageFile,
    "AVIF": StillImageFile,
}
