"""Turn what a file system says of a file into what the catalogue can hold."""

from __future__ import annotations

import os

_HALF = 1 << 63


def mtime_ns(stats: os.stat_result) -> int:
    """Return the time of the last change in nanoseconds since the epoch, as a signed number of 64 bits.

    Files may claim years before 1677 and after 2262, whose nanoseconds need more bits. They are wrapped around
    rather than cut off: the number is compared with an earlier one of the same file and nothing else, and two that
    differ must go on to differ.
    """
    return (stats.st_mtime_ns + _HALF) % (2 * _HALF) - _HALF
