"""Turn what a file system says of a file into what the catalogue can hold."""

from __future__ import annotations

from typing import Protocol

_HALF = 1 << 63


class FileFacts(Protocol):
    """Hold what is known of a file or an object: part of a stat result."""

    @property
    def st_size(self) -> int:
        """Return how many bytes it holds."""

    @property
    def st_mtime_ns(self) -> int:
        """Return when it was changed, in nanoseconds since the epoch."""


def mtime_ns(stats: FileFacts) -> int:
    """Return the time of the last change in nanoseconds since the epoch, as a signed number of 64 bits.

    Files may claim years before 1677 and after 2262, whose nanoseconds need more bits. They are wrapped around
    rather than cut off: the number is compared with an earlier one of the same file and nothing else, and two that
    differ must go on to differ.
    """
    return (stats.st_mtime_ns + _HALF) % (2 * _HALF) - _HALF
