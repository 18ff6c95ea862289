"""Filters: what is refused and where, and what the rest means."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch.vectors import InvalidFilter, matches, parse_filter
from imagesearch.vectors.filters import AllOf, AnyOf, Compare, Exists, Not, OneOf


def test_every_form_is_read() -> None:
    raw = {
        "and": [
            {"eq": ["colour", "red"]},
            {"or": [{"in": ["year", [1, 2.5, True]]}, {"ge": ["size.w-1", 3]}]},
            {"not": {"exists": "_x"}},
        ]
    }
    assert parse_filter(raw) == AllOf(
        (
            Compare("eq", "colour", "red"),
            AnyOf((OneOf("year", (1, 2.5, True)), Compare("ge", "size.w-1", 3))),
            Not(Exists("_x")),
        )
    )


@pytest.mark.parametrize(
    ("raw", "path", "rule"),
    [
        (None, "", "exactly one key"),
        ([], "", "exactly one key"),
        ({}, "", "exactly one key"),
        ({"eq": ["a", 1], "lt": ["a", 1]}, "", "exactly one key"),
        ({"like": ["a", "b%"]}, "", "one of eq, in"),
        ({1: 2}, "", "one of eq, in"),
        ({"and": []}, "and", "at least one filter"),
        ({"or": {"eq": ["a", 1]}}, "or", "at least one filter"),
        ({"and": [{"eq": ["a", 1]}, {"lt": ["a"]}]}, "and[1].lt", "a list of a field name"),
        ({"not": "a"}, "not", "exactly one key"),
        ({"not": {"or": [{"exists": "9a"}]}}, "not.or[0].exists", "a field name"),
        ({"exists": ["a"]}, "exists", "a field name"),
        ({"eq": ["", 1]}, "eq[0]", "a field name"),
        ({"eq": ["a b", 1]}, "eq[0]", "a field name"),
        ({"eq": ["a\n", 1]}, "eq[0]", "a field name"),
        ({"eq": ['a"]', 1]}, "eq[0]", "a field name"),
        ({"eq": ["ä", 1]}, "eq[0]", "a field name"),
        ({"eq": ["a" * 65, 1]}, "eq[0]", "up to 64"),
        ({"eq": ["a", None]}, "eq[1]", "a string, a boolean"),
        ({"eq": ["a", [1]]}, "eq[1]", "a string, a boolean"),
        ({"eq": ["a", float("nan")]}, "eq[1]", "finite"),
        ({"gt": ["a", float("-inf")]}, "gt[1]", "finite"),
        ({"eq": ["a", 2**63]}, "eq[1]", "64-bit"),
        ({"eq": ["a", -(2**63) - 1]}, "eq[1]", "64-bit"),
        ({"eq": ["a", "\ud800"]}, "eq[1]", "valid Unicode"),
        ({"eq": ["a", "x" * 4097]}, "eq[1]", "4096 characters"),
        ({"lt": ["a", True]}, "lt[1]", "booleans have no order"),
        ({"in": ["a", []]}, "in[1]", "at least one value"),
        ({"in": ["a", "bc"]}, "in[1]", "at least one value"),
        ({"in": ["a", [1, {}]]}, "in[1][1]", "a string, a boolean"),
    ],
)
def test_what_breaks_a_rule_is_named_with_the_rule(raw: Any, path: str, rule: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(raw)
    assert caught.value.path == path
    assert rule in caught.value.rule
    assert str(caught.value) == (f"{path}: {caught.value.rule}" if path else caught.value.rule)


def nested(depth: int) -> dict[str, Any]:
    raw: dict[str, Any] = {"exists": "a"}
    for _ in range(depth - 1):
        raw = {"not": raw}
    return raw


def test_depth_and_size_are_limited() -> None:
    parse_filter(nested(16))
    for depth in (17, 64, 500):
        with pytest.raises(InvalidFilter, match="16 deep"):
            parse_filter(nested(depth))
    parse_filter({"in": ["a", list(range(255))]})
    with pytest.raises(InvalidFilter, match="256 conditions and values"):
        parse_filter({"in": ["a", list(range(256))]})
    with pytest.raises(InvalidFilter, match="256 conditions and values"):
        parse_filter({"or": [{"eq": ["a", 1]}] * 128})


@pytest.mark.parametrize(
    ("raw", "metadata", "expected"),
    [
        ({"eq": ["a", 1]}, {"a": 1.0}, True),
        ({"eq": ["a", 1]}, {"a": True}, False),
        ({"eq": ["a", True]}, {"a": 1}, False),
        ({"eq": ["a", "1"]}, {"a": 1}, False),
        ({"eq": ["a", 2**53]}, {"a": 2**53 + 1}, False),
        ({"eq": ["a", 2.0**53]}, {"a": 2**53 + 1}, False),
        ({"lt": ["a", 2.0**53 + 2]}, {"a": 2**53 + 1}, True),
        ({"lt": ["a", 5]}, {"a": "4"}, False),
        ({"lt": ["a", "b"]}, {"a": "a"}, True),
        ({"gt": ["a", "Z"]}, {"a": "a"}, True),
        ({"lt": ["a", 5]}, {"a": False}, False),
        ({"in": ["a", ["x", 2]]}, {"a": 2.0}, True),
        ({"eq": ["a", 1]}, {"a": [1]}, False),
        ({"exists": "a"}, {"a": ""}, True),
        ({"exists": "a"}, {"a": None}, False),
        ({"exists": "a"}, {"a": {"b": 1}}, False),
        ({"exists": "a"}, {"a": float("nan")}, False),
        ({"exists": "a"}, {"a": 2**63}, False),
        ({"exists": "a.b"}, {"a.b": 0}, True),
        ({"exists": "a.b"}, {"a": {"b": 0}}, False),
        ({"not": {"eq": ["a", 1]}}, {}, True),
        ({"not": {"lt": ["a", 1]}}, {"a": "x"}, True),
        ({"and": [{"exists": "a"}, {"exists": "b"}]}, {"a": 1}, False),
        ({"or": [{"exists": "a"}, {"exists": "b"}]}, {"a": 1}, True),
    ],
)
def test_a_filter_means_one_thing(raw: Any, metadata: dict[str, Any], expected: bool) -> None:
    assert matches(parse_filter(raw), metadata) is expected
