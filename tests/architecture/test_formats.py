"""Whoever names the formats of pictures names all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imagesearch.pictures.formats import INDEXED

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "services/api/src/imagesearch_api/page/web"


@pytest.mark.parametrize(
    "path", [ROOT / "docs/failure-codes.md", PAGE / "failure_strings.js"], ids=lambda path: path.name
)
def test_people_are_told_of_every_format(path: Path) -> None:
    *words, last = (each.word for each in INDEXED.values())
    assert f"Convert it to {', '.join(words)} or {last}, or leave it." in path.read_text()


def test_the_page_asks_for_files_only_of_formats_that_there_are() -> None:
    found = re.search(r"SHOWN_BY_BROWSERS = new Set\(\[(.*?)\]\)", (PAGE / "viewer.js").read_text())
    assert found
    # Browsers show all but these two, of which they are sent a thumbnail.
    assert set(re.findall(r'"(\w+)"', found[1])) == set(INDEXED) - {"TIFF", "HEIF"}
