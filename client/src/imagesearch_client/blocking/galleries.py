# Made of asynchronous/galleries.py by `make client`: change that.
"""The client's method that gathers pictures for a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from itertools import islice

from imagesearch_client.answers import Image
from imagesearch_client.blocking.concurrency import in_parallel
from imagesearch_client.blocking.images import ImageCalls
from imagesearch_client.errors import ApiError
from imagesearch_client.galleries import MAX_TILES, Gallery, Tile
from imagesearch_client.results import Result

FETCHED_AT_ONCE = 4
"""Each is a picture to be decoded by the API, unless it has it in its cache."""


class GalleryCalls(ImageCalls):
    """Gather pictures for a notebook; a part of `Client`."""

    def gallery(self, found: Iterable[Result | Image], *, size: int = 160) -> Gallery:
        """Return pictures for a notebook, with small versions of them in it: `size` is 64 to 512 pixels.

        Results show their pictures by themselves while their links hold and where the browser reaches the API.
        These show anywhere and for ever. The first hundred are fetched; one whose file is gone shows its path.

        Example:
            >>> found = client.search("photos", "cat.jpg", top_k=2)
            >>> gallery = client.gallery(found)
            >>> len(gallery.tiles)
            2
        """

        def tile(placed: tuple[int, Result | Image]) -> tuple[int, Tile]:
            place, one = placed
            lines = [f"{one.distance:.4f}"] if isinstance(one, Result) else []
            try:
                small = self.thumbnail(one.id, size)
            except ApiError as error:
                return place, Tile.embedded(None, *lines, str(error), one.path)
            return place, Tile.embedded(small, *lines, one.path)

        shown = enumerate(islice(found, MAX_TILES))
        with closing(in_parallel(tile, shown, FETCHED_AT_ONCE)) as fetched:
            tiles = {place: made for place, made in fetched}
        return Gallery(tuple(tiles[place] for place in sorted(tiles)))
