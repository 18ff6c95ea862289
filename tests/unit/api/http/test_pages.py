"""What names the place of a page, and what stands in a path."""

from __future__ import annotations

import pytest

from imagesearch_api.http.fields import BadField
from imagesearch_api.http.pages import checked_alias


@pytest.mark.parametrize("alias", ["", "a b", ".hidden", "a/b", "x" * 101, "ä", "a\n"])
def test_an_alias_is_a_plain_name(alias: str) -> None:
    with pytest.raises(BadField):
        checked_alias(alias)
