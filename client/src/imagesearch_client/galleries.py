"""Pictures side by side, as notebooks show them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Self
from urllib.parse import urlsplit

MAX_TILES = 100
"""A notebook keeps all of it in its file."""
_SCHEMES = frozenset({"http", "https"})
_BOX = "display:flex;flex-wrap:wrap;gap:8px;align-items:flex-start"
_TILE = "margin:0;width:160px;font:12px sans-serif;overflow-wrap:anywhere"
_PICTURE = "display:block;width:160px;height:160px;object-fit:contain"


@dataclass(frozen=True, slots=True)
class Tile:
    """Show one picture with a line or two below it."""

    source: str | None
    """A URL; None where there is nothing to be seen."""
    lines: tuple[str, ...]

    @classmethod
    def linked(cls, url: str | None, *lines: str) -> Self:
        """Return a tile whose picture browsers fetch; anything but http and https is left out."""
        return cls(url if url is not None and _is_of_the_web(url) else None, lines)

    @classmethod
    def embedded(cls, jpeg: bytes | None, *lines: str) -> Self:
        """Return a tile that holds its picture, a JPEG."""
        source = None if jpeg is None else f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
        return cls(source, lines)

    def html(self) -> str:
        """Return the tile as HTML: whatever came from outside is text in it."""
        said = "".join(f"<div>{escape(line)}</div>" for line in self.lines)
        # Another site is not told on which page its picture is shown.
        shown = (
            f'<img src="{escape(self.source)}" alt="{escape(self.lines[-1])}" style="{_PICTURE}"'
            ' loading="lazy" referrerpolicy="no-referrer">'
            if self.source is not None
            else ""
        )
        return f'<figure style="{_TILE}">{shown}<figcaption>{said}</figcaption></figure>'


@dataclass(frozen=True, slots=True)
class Gallery:
    """Show pictures in a notebook."""

    tiles: tuple[Tile, ...]

    @classmethod
    def of(cls, tiles: Iterable[Tile]) -> Self:
        """Return a gallery of tiles."""
        return cls(tuple(tiles))

    def _repr_html_(self) -> str:
        shown = "".join(tile.html() for tile in self.tiles[:MAX_TILES])
        more = len(self.tiles) - MAX_TILES
        return f'<div style="{_BOX}">{shown}</div>' + (f"<div>and {more} more</div>" if more > 0 else "")


def _is_of_the_web(url: str) -> bool:
    try:
        return urlsplit(url).scheme in _SCHEMES
    except ValueError:
        return False
