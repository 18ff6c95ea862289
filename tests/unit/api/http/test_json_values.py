"""Values are counted without reading them, wherever pieces end and whatever strings hold."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch_api.http import json_values
from imagesearch_api.http.json_values import count_values

TEXTS = st.text(st.sampled_from('ab,[{"\\\\\nä😀'), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


def held(value: Any) -> int:
    """Return how many values lie in a value, and one for each list or object that is empty."""
    if not isinstance(value, list | dict):
        return 0
    inner = list(value.values()) if isinstance(value, dict) else value
    return max(1, len(inner)) + sum(map(held, inner))


@given(value=JSON, size=st.integers(1, 9), is_ascii=st.booleans())
def test_each_value_in_a_list_or_object_counts_once(value: Any, size: int, is_ascii: bool) -> None:
    data = json.dumps(value, ensure_ascii=is_ascii).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "PIECE_BYTES", size)
        assert count_values(BytesIO(data)) == held(value)
