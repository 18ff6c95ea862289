"""What decoding is said to take is never less than what it takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesearch.pictures import decode
from imagesearch.pictures.costs import PIXEL_BYTES
from imagesearch.pictures.formats import INDEXED
from imagesearch.pictures.readers import READERS
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded

SIZE = (4000, 3000)
LITTLE = (2000, 1500)
"""Of formats whose writers are slow."""
SLACK = 8_000_000
"""What a process takes for itself: imports, the 224 x 224 pixels, the rows that are looked at together."""

PEAK = """
import re, sys
from pathlib import Path
from imagesearch.pictures import decode as images, thumbnails
from imagesearch.pipeline import Preprocessing
from imagesearch.pictures.regions import Region
from imagesearch.pictures.readers import READERS
from imagesearch.settings import PictureSettings

def memory(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

def work(data, admit=None):
    if sys.argv[2] == "decode":
        images.decode(data, Preprocessing(), PictureSettings(), Region.parse("0.01,0.01,0.98,0.98"), admit=admit)
    else:
        thumbnails.thumbnail(data, 64, PictureSettings(), admit=admit)

small, data = (Path(name).read_bytes() for name in (sys.argv[3], sys.argv[1]))
work(small)
before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
said = []
work(data, said.append)
print(memory("VmHWM") - before, *said)
"""


@cache
def drawn() -> Image.Image:
    random = np.random.default_rng(5).integers(0, 255, (30, 40, 4), dtype=np.uint8)
    return Image.fromarray(random).convert("RGBA").resize(SIZE)


def base(mode: str) -> Image.Image:
    return drawn().convert(mode)


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def deep() -> Image.Image:
    return Image.fromarray(np.asarray(base("L")).astype(np.uint16) * 257)


def first_pass(jpeg: bytes) -> bytes:
    scans = jpeg.split(b"\xff\xda")
    return b"\xff\xda".join(scans[:2]) + b"\xff\xd9"


PICTURES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded(base("RGB"), "JPEG", exif=turned()),
    "progressive jpeg": lambda: encoded(base("RGB"), "JPEG", progressive=True, subsampling=0, exif=turned()),
    "progressive cmyk jpeg": lambda: encoded(base("CMYK"), "JPEG", progressive=True),
    "jpeg cut behind the first of its passes": lambda: first_pass(encoded(base("CMYK"), "JPEG", progressive=True)),
    "png": lambda: encoded(base("RGBA"), "PNG", compress_level=1),
    "palette png": lambda: encoded(base("P"), "PNG", compress_level=1, transparency=3),
    "deep png": lambda: encoded(deep(), "PNG", compress_level=1),
    "webp": lambda: encoded(base("RGBA"), "WEBP", method=0, quality=60, lossless=True, exif=turned()),
    "gif": lambda: encoded(base("P"), "GIF", transparency=3),
    "bmp": lambda: encoded(base("RGB"), "BMP"),
    "tiff in one strip": lambda: encoded(base("RGB"), "TIFF", compression="tiff_adobe_deflate", strip_size=10**9),
    "deep tiff": lambda: encoded(deep(), "TIFF", compression="tiff_lzw"),
    "float tiff": lambda: encoded(base("F"), "TIFF"),
    "transparent heic": lambda: encoded(base("RGBA").resize(LITTLE), "HEIF", exif=turned().tobytes()),
    "avif": lambda: encoded(base("RGBA").resize(LITTLE), "AVIF", speed=10, subsampling="4:4:4", exif=turned()),
}


@lru_cache(maxsize=1)
def written(name: str) -> bytes:
    """Return a file of its kind, which is decoded and then made a thumbnail of."""
    return PICTURES[name]()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its peak")
@pytest.mark.parametrize("work", ["decode", "thumbnail"])
@pytest.mark.parametrize("name", PICTURES)
def test_no_picture_takes_more_than_is_said(tmp_path: Path, name: str, work: str) -> None:
    path, small = tmp_path / "picture", tmp_path / "small"
    path.write_bytes(written(name))
    small.write_bytes(encoded(Image.new("RGB", (64, 64)), "PNG"))
    command = [sys.executable, "-c", PEAK, str(path), work, str(small)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took, said = map(int, done.stdout.split())
    assert 0 < took <= said + SLACK


def test_every_format_that_is_opened_has_a_cost() -> None:
    assert set(PIXEL_BYTES) == set(READERS) == set(INDEXED)


def test_a_camera_photo_as_a_thumbnail_costs_next_to_nothing() -> None:
    costs: list[int] = []
    data = encoded(Image.new("RGB", SIZE), "JPEG")
    decode.open_picture(data, PictureSettings(), enough=(256, 256), admit=costs.append)
    decode.open_picture(data, PictureSettings(), admit=costs.append)
    assert costs[0] * 50 < costs[1]


def test_nothing_is_decoded_that_is_not_admitted() -> None:
    class Full(Exception):
        pass

    def refuse(cost: int) -> None:
        assert cost == 10 * SIZE[0] * SIZE[1]
        raise Full

    with pytest.raises(Full):
        decode.decode(encoded(Image.new("RGB", SIZE), "PNG"), Preprocessing(), PictureSettings(), admit=refuse)
