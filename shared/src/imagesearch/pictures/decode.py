"""Turn the bytes of a picture into the network's input: the only decoder of the product.

The API decodes uploads with it and the extractor decodes files, so a picture and its query meet as the
same pixels. Whatever is wrong with the bytes comes out as `PictureRejected`; a hostile file costs only
itself.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from imagesearch.contract import Pixels
from imagesearch.errors import PictureRejected
from imagesearch.failures import FailureCode
from imagesearch.pictures import formats, structures
from imagesearch.pictures.borders import content_box
from imagesearch.pictures.colours import repair_transparency, to_8_bits, to_rgb
from imagesearch.pictures.costs import Admit, decoding_bytes
from imagesearch.pictures.framing import Frame, enough_for, to_square
from imagesearch.pictures.heat import fitted
from imagesearch.pictures.readers import READERS
from imagesearch.pictures.regions import Region
from imagesearch.pictures.structures import Dishonest, Unsupported, png, tiff
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each value of the EXIF tag (CIPA DC-008, 4.6.5.1.6)."""

_SIDEWAYS = {_UPRIGHT[value] for value in (5, 6, 7, 8)}
"""What makes the width of a picture its height."""

_RAW = "a raw picture of a camera"
_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 322, 323


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Hold one decoded picture.

    Attributes:
        pixels: uint8[side, side, 3], RGB, read-only.
        width: pixels across after the EXIF orientation, before borders are trimmed.
        height: pixels down, likewise.
        format: JPEG, PNG, WEBP, GIF, BMP, TIFF, HEIF or AVIF.
        sha256: 64 hex digits over the bytes as they came.
        frame: which part of the upright picture `pixels` show.
        preview: the upright picture, small, where one was asked for.
    """

    pixels: Pixels
    width: int
    height: int
    format: str
    sha256: str
    frame: Frame
    preview: Image.Image | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OpenedPicture:
    """Hold a picture as RGB, upright.

    Attributes:
        image: may be smaller than the file's picture, where less was enough.
        width: pixels across that the file's picture has, upright.
        height: pixels down, likewise.
        format: as in `Picture`.
    """

    image: Image.Image
    width: int
    height: int
    format: str


def decode(
    data: bytes,
    preprocessing: Preprocessing,
    limits: PictureSettings,
    box: Region | None = None,
    *,
    preview: int | None = None,
    admit: Admit | None = None,
) -> Picture:
    """Decode a picture, or the part of it within a box, and bring it to the network's input size.

    The format is told by the first bytes alone. Bytes that begin as none of the indexed formats are
    `unsupported_format`, whether text or a picture of another kind; those that do begin so and cannot be
    decoded are `truncated` when they end too early and `unreadable` otherwise.

    Args:
        data: the whole file.
        preprocessing: how the network is to see it.
        limits: of what is opened at all.
        box: the part of the picture that counts.
        preview: pixels of the longer side of a small picture to make beside it, for people.
        admit: told how much memory the pixels take before they are decoded; what it raises goes through.

    Raises:
        PictureRejected: empty, unsupported_format, unreadable, truncated, too_large or too_small.
        InvalidRegion: the box does not lie within the picture.
    """
    try:
        # The whole picture is decoded where only a part of it counts: that may be small.
        enough = enough_for(preprocessing) if box is None else None
        opened = open_picture(data, limits, enough=enough, admit=admit)
        image, width, height = opened.image, opened.width, opened.height
        small = None if preview is None else fitted(image, preview)
        size = image.size
        part = (0, 0, *size)
        if box is not None:
            part = box.pixels(width, height, limits.min_side)
            image = image.crop(part)
        if preprocessing.trim_borders:
            inner = content_box(image, preprocessing.border_tolerance)
            if inner != (0, 0, *image.size):
                image = image.crop(inner)
            left, top, right, bottom = inner
            part = (part[0] + left, part[1] + top, part[0] + right, part[1] + bottom)
        frame = Frame.of(part, size, preprocessing)
        pixels, digest = np.asarray(to_square(image, preprocessing)), hashlib.sha256(data).hexdigest()
        return Picture(pixels, width, height, opened.format, digest, frame, small)
    except MemoryError as error:
        reason = "decoding the picture takes more memory than there is"
        raise PictureRejected(FailureCode.TOO_LARGE, reason) from error


def open_picture(
    data: bytes,
    limits: PictureSettings,
    *,
    enough: tuple[int, int] | None = None,
    admit: Admit | None = None,
) -> OpenedPicture:
    """Open a picture of an indexed format as RGB, upright, without transparency.

    Args:
        data: the whole file.
        limits: of what is opened at all.
        enough: a width and height that would do; a JPEG is then decoded at a fraction of its size.
        admit: told how much memory the pixels take, before they are decoded.

    Raises:
        PictureRejected: as `decode` does.
        MemoryError: there is not enough for the pixels.
    """
    if not data:
        raise PictureRejected(FailureCode.EMPTY, "the file is empty")
    name = formats.sniff(data)
    if name is None:
        raise _unsupported(formats.describe_foreign(data))
    _check_structure(name, data, limits)
    _raise_pillow_limit(limits.max_pixels)
    with _rejecting(name, data):
        source = READERS[name](io.BytesIO(data))
    _check_size(source, limits)
    if name == "PNG" and not png.is_intact(data):
        raise _damaged(name, data, "")
    width, height = source.size
    with _rejecting(name, data):
        if enough is not None:
            source.draft(None, enough)
    if admit is not None:
        admit(decoding_bytes(source, name, data, width * height))
    with _rejecting(name, data):
        source.load()
    repair_transparency(source, data)
    turn = _turn(source)
    image = to_8_bits(source if turn is None else source.transpose(turn))
    del source
    with _rejecting(name, data):
        image = to_rgb(image)
    if turn in _SIDEWAYS:
        width, height = height, width
    return OpenedPicture(image, width, height, name)


def _check_structure(name: str, data: bytes, limits: PictureSettings) -> None:
    try:
        structures.check(name, data)
    except Dishonest as error:
        if name == "TIFF" and tiff.is_raw(data):
            raise _unsupported(_RAW) from error
        raise _dishonest(name, error) from error
    except Unsupported as error:
        raise _unsupported(f"a HEIF picture, {error.reason}") from error
    claimed = structures.claimed_size(name, data)
    if claimed is not None:
        _check_pixels(*claimed, limits)


def _unsupported(what: str) -> PictureRejected:
    *words, last = (each.word for each in formats.INDEXED.values())
    known = f"{', '.join(words)} and {last} are indexed"
    return PictureRejected(FailureCode.UNSUPPORTED_FORMAT, f"{what}; {known}")


def _raise_pillow_limit(max_pixels: int) -> None:
    # Pillow keeps one limit for the process and warns above it, in GIF frames and in crops too. Ours is
    # checked for every picture, so Pillow's only has to stay out of its way: it is raised, never lowered,
    # and so threads cannot undo each other's.
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels


@contextmanager
def _rejecting(name: str, data: bytes) -> Iterator[None]:
    """Turn whatever Pillow raises inside into a rejection."""
    try:
        yield
    except MemoryError:
        raise
    except Dishonest as error:
        raise _dishonest(name, error) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = f"the {name} data holds more pixels than are decoded"
        raise PictureRejected(FailureCode.TOO_LARGE, reason) from error
    except Exception as error:
        # Hostile bytes make Pillow raise nearly anything (OSError, SyntaxError, struct.error, ValueError,
        # OverflowError, EOFError, zlib.error, ...) and it promises no closed set. Only calls into Pillow
        # stand inside these blocks.
        raise _damaged(name, data, str(error)) from error


def _dishonest(name: str, error: Dishonest) -> PictureRejected:
    return PictureRejected(error.code, f"the {name} is not what it seems: {error.reason}")


def _damaged(name: str, data: bytes, complaint: str) -> PictureRejected:
    if name == "TIFF" and tiff.is_raw(data):
        return _unsupported(_RAW)
    if structures.ends_early(name, data, complaint):
        reason = f"the {name} data ends before the picture is complete"
        return PictureRejected(FailureCode.TRUNCATED, reason)
    reason = f"the {name} data is damaged or of a kind that cannot be decoded"
    return PictureRejected(FailureCode.UNREADABLE, reason)


def _check_size(source: ImageFile.ImageFile, limits: PictureSettings) -> None:
    width, height = source.size
    _check_pixels(width, height, limits)
    if isinstance(source, TiffImageFile):
        # A tile is decoded whole even where it reaches far beyond the picture.
        tile = [source.tag_v2.get(tag, 0) for tag in (_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT)]
        if not all(isinstance(side, int) for side in tile) or tile[0] * tile[1] > limits.max_pixels:
            raise PictureRejected(FailureCode.TOO_LARGE, "the TIFF's tiles are larger than what is decoded")
    if min(width, height) < limits.min_side:
        reason = f"{width} x {height} pixels; each side needs at least {limits.min_side}"
        raise PictureRejected(FailureCode.TOO_SMALL, reason)


def _check_pixels(width: int, height: int, limits: PictureSettings) -> None:
    if width * height > limits.max_pixels:
        reason = f"{width} x {height} pixels; at most {limits.max_pixels} are decoded"
        raise PictureRejected(FailureCode.TOO_LARGE, reason)


def _turn(source: ImageFile.ImageFile) -> Image.Transpose | None:
    try:
        orientation = source.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - Pillow on hostile bytes again; a damaged note leaves the pixels whole.
        return None
    return _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
