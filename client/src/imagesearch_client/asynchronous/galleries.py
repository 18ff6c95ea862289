"""The client's method that gathers pictures for a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from itertools import islice

from imagesearch_client.answers import Image
from imagesearch_client.asynchronous.concurrency import in_parallel
from imagesearch_client.asynchronous.images import AsyncImageCalls
from imagesearch_client.errors import ApiError
from imagesearch_client.galleries import MAX_TILES, Gallery, Tile
from imagesearch_client.results import Result

FETCHED_AT_ONCE = 4
"""Each is a picture to be decoded by the API, unless it has it in its cache."""


class AsyncGalleryCalls(AsyncImageCalls):
    """Gather pictures for a notebook; a part of `AsyncClient`."""

    async def gallery(self, found: Iterable[Result | Image], *, size: int = 160) -> Gallery:
        """Return pictures for a notebook, with small versions of them in it: `size` is 64 to 512 pixels.

        Results show their pictures by themselves while their links hold and where the browser reaches the API.
        These show anywhere and for ever. The first hundred are fetched; one whose file is gone shows its path.

        Example:
            >>> found = await client.search("photos", "cat.jpg", top_k=2)
            >>> gallery = await client.gallery(found)
            >>> len(gallery.tiles)
            2
        """

        async def tile(placed: tuple[int, Result | Image]) -> tuple[int, Tile]:
            place, one = placed
            lines = [f"{one.distance:.4f}"] if isinstance(one, Result) else []
            try:
                small = await self.thumbnail(one.id, size)
            except ApiError as error:
                return place, Tile.embedded(None, *lines, str(error), one.path)
            return place, Tile.embedded(small, *lines, one.path)

        shown = enumerate(islice(found, MAX_TILES))
        async with aclosing(in_parallel(tile, shown, FETCHED_AT_ONCE)) as fetched:
            tiles = {place: made async for place, made in fetched}
        return Gallery(tuple(tiles[place] for place in sorted(tiles)))
