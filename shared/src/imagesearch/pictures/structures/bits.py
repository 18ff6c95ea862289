"""Read the headers of video codecs, whose fields end anywhere within a byte."""

from __future__ import annotations

from imagesearch.pictures.structures.bounds import Damaged

_MAX_ZEROS = 32
"""Leading zeros of a number in exponential Golomb codes: more name none of 32 bits."""


class Bits:
    """Read numbers of some bits each from bytes, the highest bit first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, number: int) -> int:
        """Return the next bits as a number.

        Raises:
            Damaged: there are not so many.
        """
        if number > self._left:
            raise Damaged("a header ends too early")
        self._left -= number
        return self._value >> self._left & ((1 << number) - 1)

    def golomb(self) -> int:
        """Return the next number in exponential Golomb codes, as HEVC and AV1 have them.

        Raises:
            Damaged: there is none of 32 bits.
        """
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _MAX_ZEROS:
                raise Damaged("a header has a number that is too large")
        return (1 << zeros) - 1 + self.take(zeros)
