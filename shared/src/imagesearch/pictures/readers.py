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

_ORIENTATION = 0x0112


class _Jpeg(JpegImageFile):
    def _open(self) -> None:
        super()._open()
        if self.fp is not None:
            # The whole file at once: libjpeg looks at a run of 0xFF from its beginning for each further block.
            offset = self.fp.tell()
            self.decodermaxblock = max(self.decodermaxblock, self.fp.seek(0, io.SEEK_END))
            self.fp.seek(offset)


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
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": _Bmp,
    "TIFF": _Tiff,
}
