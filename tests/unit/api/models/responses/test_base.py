"""Answers leave out what they were not given, and pages say where the next one begins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagesearch_api.models.responses.collections import Alias, AliasPage
from imagesearch_api.models.responses.images import Deletion
from imagesearch_api.models.responses.search import Result

GIVEN: dict[str, Any] = {"id": 1, "path": "/a.jpg", "url": "http://x/1", "distance": 0.5}


def test_what_was_not_given_is_left_out_and_what_is_null_is_not() -> None:
    assert json.loads(Result(**GIVEN).to_json()) == GIVEN
    assert json.loads(Result(**GIVEN, width=None).to_json()) == {**GIVEN, "width": None}
    assert json.loads(Deletion(deleted=0, missing=["/a", 4]).to_json()) == {"deleted": 0, "missing": ["/a", 4]}


def test_json_is_ascii_whatever_it_says() -> None:
    text = Result(**{**GIVEN, "path": "/grün/🐿.jpg"}).to_json()
    assert text.isascii()
    assert json.loads(text)["path"] == "/grün/🐿.jpg"


@pytest.mark.parametrize(("limit", "following"), [(3, None), (2, "b")])
def test_a_full_page_has_another_behind_it(limit: int, following: str | None) -> None:
    made = "2026-11-28T09:30:00+00:00"
    items = [Alias(alias=name, collection="cats", created_at=made) for name in "ab"]
    page = json.loads(AliasPage.of(items, ["a", "b"], limit).to_json())
    assert page["next"] == following
    assert [(item["alias"], item["collection"]) for item in page["items"]] == [("a", "cats"), ("b", "cats")]
