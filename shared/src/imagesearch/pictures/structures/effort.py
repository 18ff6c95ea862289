"""Stop a decoder that takes several times the CPU of an honest picture.

Deflate can describe its codes anew for every few pixels, legally, at ten to seventy times the CPU, and counting
its blocks costs as much as unpacking them. So the clock of the decoding thread is looked at between portions. What
an honest picture may take is measured on a sample, on this machine and at this moment: a busy neighbour slows
the sample as it slows the picture.
"""

from __future__ import annotations

import io
import time
import zlib
from functools import cache
from typing import Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from imagesearch.pictures.structures.bounds import Dishonest

Work = Literal["png", "inflate"]
"""Decoding a PNG, unfiltered and in Pillow's own layout, or unpacking deflate alone."""

_MAX_TIMES: dict[Work, float] = {"png": 2, "inflate": 2.5}
"""Times the CPU of the sample that a picture may take. Of the sample's 7.7 ns a byte, PNGs of photos took 0.6 to
1.15 times as much, as levels 1, 6 and 9 wrote them; of its 3.4 ns, TIFFs took up to 1.8. Hostile data take 75 ns
for each packed byte."""
_MAX_PORTION: dict[Work, float] = {"png": 200_000, "inflate": 450_000}
"""Honest bytes in whose time a portion of 16 KiB is unpacked, however hostile it is: 75 ns for each packed byte
are 1.2 ms. A portion that takes longer was interrupted, as a host interrupts its guest, and the rest is not the
picture's time."""
_UNSEEN_SECONDS = 0.004
"""Less is not looked at: small pictures do not depend on what the clock makes of a thread's first steps."""

_SAMPLE_SIDE, _SAMPLE_CELLS = 112, 14
_FIRST_RUNS, _RUNS = 10, 3


class Effort:
    """Hold the CPU that decoding one picture takes against what honest pixels cost."""

    def __init__(self, work: Work, raw: float) -> None:
        """Begin to count the CPU of this thread.

        Args:
            work: what is done.
            raw: bytes of the pixels before they were packed, and what else costs as much as one.
        """
        self._work: Work = work
        self._raw = raw
        usual = _usual(work)
        self._allowed = self._worth(usual)
        self._longest = _MAX_PORTION[work] * usual
        self._spent = 0.0
        self._began = time.thread_time()

    def check(self) -> None:
        """Count the portion that ends here, and compare what was spent so far.

        Raises:
            Dishonest: it is more than honest pixels cost.
        """
        self._spent += min(time.thread_time() - self._began, self._longest)
        if self._spent > self._allowed:
            now = _now(self._work)
            self._allowed = max(self._allowed, self._worth(now))
            self._longest = max(self._longest, _MAX_PORTION[self._work] * now)
            if self._spent > self._allowed:
                raise Dishonest("its data take many times the work that its pixels are worth")
        self._began = time.thread_time()

    def _worth(self, seconds_a_byte: float) -> float:
        return max(_UNSEEN_SECONDS, _MAX_TIMES[self._work] * self._raw * seconds_a_byte)


@cache
def _usual(work: Work) -> float:
    """Return the seconds that a byte of honest pixels costs on this machine while nothing disturbs it."""
    return min(_timed(work) for _ in range(_FIRST_RUNS))


def _now(work: Work) -> float:
    """Return the seconds that a byte of honest pixels costs at this moment, disturbances included."""
    return sum(_timed(work) for _ in range(_RUNS)) / _RUNS


def _timed(work: Work) -> float:
    file, packed, raw = _sample()
    picture = PngImageFile(io.BytesIO(file))
    began = time.thread_time()
    if work == "png":
        picture.load()
    else:
        zlib.decompress(packed)
    return (time.thread_time() - began) / raw


@cache
def _sample() -> tuple[bytes, bytes, int]:
    """Return a PNG of soft clouds, its packed data, and how many bytes those unpack to."""
    random = np.random.default_rng(0)
    cells = random.integers(0, 256, (_SAMPLE_CELLS, _SAMPLE_CELLS, 3), dtype=np.uint8)
    clouds = Image.fromarray(cells).resize((_SAMPLE_SIDE, _SAMPLE_SIDE), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    clouds.save(file, "PNG")
    data = file.getvalue()
    packed = data[data.index(b"IDAT") + 4 : data.rindex(b"IEND") - 8]
    return data, packed, len(zlib.decompress(packed))
