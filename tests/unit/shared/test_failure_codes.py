"""What people look codes up in names each code, once, with a cause and a way out."""

from __future__ import annotations

import re
from pathlib import Path

from imagesearch.failures import FailureCode

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "docs" / "failure-codes.md"
STRINGS = REPOSITORY / "services/api/src/imagesearch_api/page/web/failure_strings.js"
ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \|$", re.MULTILINE)


def test_the_page_lists_exactly_the_codes_there_are_in_their_order() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert [code for code, _, _ in rows] == [code.value for code in FailureCode]
    assert all(cause.endswith(".") and remedy.endswith(".") for _, cause, remedy in rows)


def test_the_page_in_the_browser_has_words_for_exactly_the_codes_there_are() -> None:
    said = re.findall(r'^  (\w+): \["[^"]+", "[^"]+"\],$', STRINGS.read_text(), re.MULTILINE)
    assert said == [code.value for code in FailureCode]
