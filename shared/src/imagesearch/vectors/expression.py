"""Write filters in the language of Milvus, and metadata in the form that they are asked of.

Milvus Lite takes ``true`` for 1 and finds no answer for ``not`` of a missing key; Milvus compares large whole
numbers with fractions as doubles, takes null for a value, and cannot read -2**63. So metadata is stored by
type, ``{"str": {"colour": "red"}, "int": {"year": 1900}}``, each comparison asks the types that can match, and
the bounds of numbers are worked out here. Every expression below is then true or false, and the same, on both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from imagesearch.vectors.filters import (
    FIELD_NAME,
    INT64,
    AllOf,
    AnyOf,
    Compare,
    Exists,
    Filter,
    Not,
    OneOf,
    Value,
    scalar,
)

KINDS = ("str", "int", "float", "bool")
NEVER = "id < 0 and id > 0"
_OPERATORS = {"eq": "==", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def by_kind(metadata: Mapping[str, Any]) -> dict[str, dict[str, Value]]:
    """Return what can be filtered by, grouped as Milvus stores it; the rest is left out."""
    grouped: dict[str, dict[str, Value]] = {}
    for name, raw in metadata.items():
        value = scalar(raw)
        if value is not None and FIELD_NAME.fullmatch(name):
            grouped.setdefault(type(value).__name__, {})[name] = value
    return grouped


def expression(part: Filter) -> str:
    """Return the boolean expression that is true for the rows that the filter matches."""
    return _render(part, negated=False)


def quoted(text: str) -> str:
    """Return a string literal."""
    return f'"{text.translate(_ESCAPES)}"'


def _render(part: Filter, *, negated: bool) -> str:
    match part:
        case Compare(op, field, value):
            return _any(_comparisons(op, field, value, negated=negated))
        case OneOf(field, values):
            # `in` on a key of a JSON field is unknown to Milvus Lite.
            return _any(term for value in values for term in _comparisons("eq", field, value, negated=negated))
        case Exists(field):
            return _any(_exists(kind, field) for kind in KINDS)
        case AllOf(parts):
            return "(" + " and ".join(_render(one, negated=negated) for one in parts) + ")"
        case AnyOf(parts):
            return _any(_render(one, negated=negated) for one in parts)
        case Not(inner):
            return f"(not {_render(inner, negated=True)})"


def _comparisons(op: str, field: str, value: Value, *, negated: bool) -> Iterable[str]:
    """Return one term for each type that can match; beneath a `not` each is false where the key is missing."""
    if isinstance(value, str):
        terms = [("str", _term("str", field, op, quoted(value)))]
    elif isinstance(value, bool):
        terms = [("bool", _term("bool", field, op, "true" if value else "false"))]
    else:
        terms = [("int", _int_term(op, field, value)), ("float", _float_term(op, field, value))]
    for kind, term in terms:
        yield f"({_exists(kind, field)} and {term})" if negated else term


def _int_term(op: str, field: str, value: float) -> str:
    """Compare the whole numbers of a field with any number."""
    low, high = INT64
    if op == "eq":
        if value != math.floor(value) or not low <= value <= high:
            return f"({NEVER})"
        # The smallest number cannot be written down: its digits are read before its sign.
        return _term("int", field, "eq", str(int(value))) if value > low else _int_term("le", field, value)
    if op in ("lt", "le"):
        bound = math.ceil(value) - 1 if op == "lt" else math.floor(value)
        if bound >= high:
            return _exists("int", field)
        return _term("int", field, "lt", str(bound + 1)) if bound >= low else f"({NEVER})"
    bound = math.floor(value) + 1 if op == "gt" else math.ceil(value)
    if bound <= low:
        return _exists("int", field)
    return _term("int", field, "ge", str(bound)) if bound <= high else f"({NEVER})"


def _float_term(op: str, field: str, value: float) -> str:
    """Compare the fractional numbers of a field with any number."""
    nearest = float(value)
    below = nearest if nearest <= value else math.nextafter(nearest, -math.inf)
    above = nearest if nearest >= value else math.nextafter(nearest, math.inf)
    if op == "eq" and below != above:
        return f"({NEVER})"
    bound = above if op in ("lt", "ge") else below
    return _term("float", field, op, repr(bound))


def _term(kind: str, field: str, op: str, literal: str) -> str:
    return f'metadata["{kind}"]["{field}"] {_OPERATORS[op]} {literal}'


def _exists(kind: str, field: str) -> str:
    return f'(exists metadata["{kind}"]["{field}"])'


def _any(terms: Iterable[str]) -> str:
    return "(" + " or ".join(terms) + ")"
