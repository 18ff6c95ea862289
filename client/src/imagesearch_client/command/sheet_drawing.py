"""Draws a contact sheet with Pillow, which the command needs for nothing else."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

SIDE = 256
"""Pixels of a picture's longer side; thumbnails come as large."""
GAP, LINE, FONT_SIZE = 12, 18, 14
COLUMNS = 5
PAPER, INK, FRAME = "white", "black", "#c8c8c8"


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold one picture of a sheet, or a word on why it is not there, and two lines below it."""

    picture: bytes | str
    first: str
    second: str


def draw(cells: Sequence[Cell]) -> Image.Image:
    """Return a sheet of the cells, row by row."""
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    width, height = SIDE + GAP, SIDE + 2 * LINE + GAP
    sheet = Image.new("RGB", (GAP + columns * width, GAP + rows * height), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)
    for place, cell in enumerate(cells):
        left, top = GAP + place % columns * width, GAP + place // columns * height
        picture = _opened(cell.picture) if isinstance(cell.picture, bytes) else None
        if picture is None:
            pen.rectangle((left, top, left + SIDE - 1, top + SIDE - 1), outline=FRAME)
            said = cell.picture if isinstance(cell.picture, str) else "cannot be shown"
            pen.text((left + GAP, top + SIDE // 2), _fitting(said, font, SIDE - 2 * GAP), INK, font)
        else:
            sheet.paste(picture, (left + (SIDE - picture.width) // 2, top + (SIDE - picture.height) // 2))
        for line, text in enumerate((cell.first, cell.second)):
            pen.text((left, top + SIDE + line * LINE), _fitting(text, font, SIDE), INK, font)
    return sheet


def _opened(data: bytes) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(data)) as found:
            found.draft("RGB", (SIDE, SIDE))
            upright = ImageOps.exif_transpose(found)
            upright.thumbnail((SIDE, SIDE))
            return upright.convert("RGB")
    # Pillow raises these and more for what is damaged or too large; the search is done and stays.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Return as much of the end of a text as fits, for paths differ at their ends."""
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if font.getlength(f"...{text[middle:]}") <= width:
            high = middle
        else:
            low = middle + 1
    return f"...{text[low:]}"
