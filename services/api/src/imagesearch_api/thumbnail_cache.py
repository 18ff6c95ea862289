"""Remember the small versions of pictures that were asked for last."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition
from typing import NamedTuple

from cachetools import LRUCache, cached

from imagesearch.metrics import THUMBNAIL_CACHE
from imagesearch.pictures.thumbnails import ThumbnailFormat


class ThumbnailKey(NamedTuple):
    """Name a small version by what it is made of, whichever images have these bytes.

    Attributes:
        sha256: digest of the picture's file.
        size: the longer side in pixels.
        file_format: what it is written as.
    """

    sha256: str
    size: int
    file_format: ThumbnailFormat


Make = Callable[[], bytes]


class ThumbnailCache:
    """Keep some bytes of small versions, those used last; each is made once, however many ask at once."""

    def __init__(self, capacity: int) -> None:
        """Keep at most `capacity` bytes; zero keeps nothing."""
        keep = cached(LRUCache[ThumbnailKey, bytes](capacity, getsizeof=len), key=_key, condition=Condition())
        self._get = keep(_make)

    def get(self, key: ThumbnailKey, make: Make) -> bytes:
        """Return a small version; what `make` raises goes through to its caller, and the next one tries again."""
        made = False

        def make_now() -> bytes:
            nonlocal made
            made = True
            return make()

        found = self._get(key, make_now)
        THUMBNAIL_CACHE.labels("miss" if made else "hit").inc()
        return found


def _key(key: ThumbnailKey, _: Make) -> ThumbnailKey:
    return key


def _make(_: ThumbnailKey, make: Make) -> bytes:
    return make()
