"""Expressions for Milvus: nothing from outside leaves its quotes, and no filter is nested too deep for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch.vectors import parse_filter
from imagesearch.vectors.expression import by_kind, expression, quoted
from support.filter_contract import FILTERS


def written(raw: Any) -> str:
    return expression(parse_filter(raw))


def test_metadata_is_grouped_by_type_and_the_rest_left_out() -> None:
    metadata = {
        "s": "x",
        "i": 1,
        "f": 1.0,
        "b": True,
        "none": None,
        "list": [1],
        "map": {},
        "nan": float("nan"),
        "big": 2**63,
        "not a name": 1,
        "": 1,
    }
    assert by_kind(metadata) == {"str": {"s": "x"}, "int": {"i": 1}, "float": {"f": 1.0}, "bool": {"b": True}}
    assert by_kind({}) == {}


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("", '""'),
        ('a"b', '"a\\"b"'),
        ("a\\", '"a\\\\"'),
        ('\\"', '"\\\\\\""'),
        ("a\nb\rc\td", '"a\\nb\\rc\\td"'),
        ("it's 中文", '"it\'s 中文"'),
    ],
)
def test_strings_are_escaped(text: str, literal: str) -> None:
    assert quoted(text) == literal


@given(st.text())
def test_no_string_ends_its_literal(text: str) -> None:
    literal = quoted(text)
    assert re.fullmatch(r'"(?:[^"\\\n\r]|\\["\\nrt])*"', literal)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"eq": ["a", "x"]}, '(metadata["str"]["a"] == "x")'),
        ({"eq": ["a", False]}, '(metadata["bool"]["a"] == false)'),
        ({"lt": ["a", 5]}, '((metadata["float"]["a"] < 5.0) or (metadata["int"]["a"] < 5))'),
        ({"le": ["a", 4.5]}, '((metadata["float"]["a"] <= 4.5) or (metadata["int"]["a"] < 5))'),
        ({"gt": ["a", 4.5]}, '((metadata["float"]["a"] > 4.5) or (metadata["int"]["a"] >= 5))'),
        ({"not": {"eq": ["a", "x"]}}, '(not ((exists metadata["str"]["a"]) and (metadata["str"]["a"] == "x")))'),
    ],
)
def test_comparisons_ask_the_types_that_can_match(raw: Any, expected: str) -> None:
    assert written(raw) == expected


def test_numbers_beyond_64_bits_are_never_written() -> None:
    for op in ("eq", "lt", "le", "gt", "ge"):
        for value in (2**63 - 1, -(2**63), 2.0**63, -(2.0**63), 1e300, -1e300):
            for digits in re.findall(r'"int"\]\["a"\] \S+ -?(\d+)', written({op: ["a", value]})):
                assert int(digits) < 2**63


def height(text: str) -> int:
    depth = deepest = 0
    for char in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        deepest = max(deepest, depth)
    return deepest


def test_the_largest_filters_stay_flat_enough_for_milvus() -> None:
    deep: dict[str, Any] = {"lt": ["a", 1]}
    for level in range(7):
        deep = {("and", "or")[level % 2]: [*[{"eq": ["a", level]}] * 15, {"not": deep}]}
    wide = {"not": {"in": ["a", list(range(254))]}}
    assert height(written({"not": deep})) <= 30
    assert height(written(wide)) <= 30


@given(FILTERS)
def test_parentheses_always_close(raw: Any) -> None:
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', written(raw))
    assert text.count("(") == text.count(")")
    assert text[0] == "("
    assert text[-1] == ")"
