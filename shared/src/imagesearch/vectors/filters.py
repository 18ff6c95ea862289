"""Filter rows by their metadata: a small language in JSON, parsed strictly and matched in one way.

A filter is an object with one key::

    {"eq": ["colour", "red"]}              {"in": ["colour", ["red", "blue"]]}
    {"lt": ["year", 1900]}                 also le, gt, ge
    {"exists": "colour"}
    {"and": [FILTER, ...]}                 {"or": [FILTER, ...]}      {"not": FILTER}

A field is one key at the top level of the metadata; a dot in its name is a plain character. What a filter
means does not depend on the store:

* A comparison with a field that is missing, null, a list or a map does not match; ``not`` of it does.
* Strings, numbers and booleans never equal one another. Whole and fractional numbers are compared exactly by
  value; strings are ordered by code point; booleans have no order.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imagesearch.errors import PermanentError
from imagesearch.metadata import INT64
from imagesearch.text import is_utf8

MAX_DEPTH = 16
"""Filters nested in one another."""
MAX_NODES = 256
"""Filters and values together."""
MAX_STRING = 4096
"""Characters of one value."""
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

Value = str | int | float | bool
Comparison = Literal["eq", "lt", "le", "gt", "ge"]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


class InvalidFilter(PermanentError):
    """A filter breaks a rule.

    Attributes:
        path: where in it, such as ``and[1].eq``; empty for the whole of it.
        rule: what a right one looks like.
    """

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path}: {rule}" if path else rule)
        self.path = path
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Compare:
    """Match rows whose field compares with a value as said."""

    op: Comparison
    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """Match rows whose field equals one of some values."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """Match rows that have the field, as a string, number or boolean."""

    field: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Match rows that every part matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Match rows that at least one part matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Match rows that the part does not match."""

    part: Filter


Filter = Compare | OneOf | Exists | AllOf | AnyOf | Not


def parse_filter(raw: object) -> Filter:
    """Return the filter that decoded JSON describes.

    Raises:
        InvalidFilter: it breaks a rule; the error names the place.
    """
    return _Parser().parse(raw, "", 1)


def matches(part: Filter, metadata: Mapping[str, Any]) -> bool:
    """Tell whether a row with this metadata passes the filter."""
    match part:
        case Compare(op, field, value):
            found = scalar(metadata.get(field))
            return found is not None and kind(found) == kind(value) and _COMPARE[op](found, value)
        case OneOf(field, values):
            return any(matches(Compare("eq", field, value), metadata) for value in values)
        case Exists(field):
            return scalar(metadata.get(field)) is not None
        case AllOf(parts):
            return all(matches(part, metadata) for part in parts)
        case AnyOf(parts):
            return any(matches(part, metadata) for part in parts)
        case Not(inner):
            return not matches(inner, metadata)


def scalar(value: object) -> Value | None:
    """Return a value that can be filtered by, None for any other."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int) and INT64[0] <= value <= INT64[1]:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return None


def kind(value: Value) -> type:
    """Return the type whose values can be compared with this one: `str`, `bool` or `float`."""
    return type(value) if isinstance(value, str | bool) else float


class _Parser:
    def __init__(self) -> None:
        self.nodes = 0

    def parse(self, raw: object, where: str, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise InvalidFilter(where, f"filters may be nested {MAX_DEPTH} deep")
        self._count(where)
        if not isinstance(raw, dict) or len(raw) != 1:
            raise InvalidFilter(where, "an object with exactly one key is expected")
        op, body = next(iter(raw.items()))
        here = f"{where}.{op}".lstrip(".") if isinstance(op, str) and op.isidentifier() else where
        match op:
            case "and" | "or":
                if not isinstance(body, list) or not body:
                    raise InvalidFilter(here, "a list of at least one filter is expected")
                parts = tuple(self.parse(part, f"{here}[{at}]", depth + 1) for at, part in enumerate(body))
                return AllOf(parts) if op == "and" else AnyOf(parts)
            case "not":
                return Not(self.parse(body, here, depth + 1))
            case "exists":
                return Exists(_field(body, here))
            case "in":
                field, values = _pair(body, here)
                if not isinstance(values, list) or not values:
                    raise InvalidFilter(f"{here}[1]", "a list of at least one value is expected")
                return OneOf(field, tuple(self._value(part, f"{here}[1][{at}]") for at, part in enumerate(values)))
            case "eq" | "lt" | "le" | "gt" | "ge":
                field, value = _pair(body, here)
                known = self._value(value, f"{here}[1]")
                if op != "eq" and isinstance(known, bool):
                    raise InvalidFilter(f"{here}[1]", "a string or a number is expected: booleans have no order")
                return Compare(op, field, known)
        raise InvalidFilter(where, "the key is one of eq, in, lt, le, gt, ge, exists, and, or, not")

    def _value(self, raw: object, where: str) -> Value:
        self._count(where)
        value = scalar(raw)
        if value is None:
            raise InvalidFilter(where, "a string, a boolean, a 64-bit whole number or a finite number is expected")
        if isinstance(value, str):
            if len(value) > MAX_STRING:
                raise InvalidFilter(where, f"a string may be {MAX_STRING} characters long")
            if not is_utf8(value):
                raise InvalidFilter(where, "a string must be valid Unicode")
        return value

    def _count(self, where: str) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise InvalidFilter(where, f"a filter may hold {MAX_NODES} conditions and values")


def _pair(body: object, where: str) -> tuple[str, object]:
    if not isinstance(body, list) or len(body) != 2:
        raise InvalidFilter(where, "a list of a field name and what to compare it with is expected")
    return _field(body[0], f"{where}[0]"), body[1]


def _field(raw: object, where: str) -> str:
    if not isinstance(raw, str) or not FIELD_NAME.fullmatch(raw):
        raise InvalidFilter(
            where, "a field name of up to 64 letters, digits, '_', '.' and '-' is expected, a letter or '_' first"
        )
    return raw
