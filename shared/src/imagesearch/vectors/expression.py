"""Write filters in the language of Milvus, and metadata in the form that they are matched against.

Milvus Lite takes ``true`` for 1 and finds no answer for ``not`` of a missing key; Milvus compares large whole
numbers with fractions as doubles, takes null for a value, and cannot read -2**63. So metadata is stored by
type, ``{"str": {"colour": "red"}, "int": {"year": 1900}}``, each comparison asks the types that can match, and
the bounds of numbers are worked out here. Every expression below is then true or false, and the same, on both.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imagesearch.metadata import INT64
from imagesearch.vectors.filters import (
    FIELD_NAME,
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
    return _render(part, negated=False).text


def quoted(text: str) -> str:
    """Return a string literal."""
    return f'"{text.translate(_ESCAPES)}"'


@dataclass(frozen=True, slots=True, order=True)
class _Term:
    """Hold an expression that needs no parentheses around it, and how deep it is nested."""

    height: int
    text: str


def _render(part: Filter, *, negated: bool) -> _Term:
    match part:
        case Compare(op, field, value):
            return _joined("or", _comparisons(op, field, value, negated=negated))
        case OneOf(field, values):
            # `in` on a key of a JSON field is unknown to Milvus Lite.
            return _joined(
                "or", [term for value in values for term in _comparisons("eq", field, value, negated=negated)]
            )
        case Exists(field):
            return _joined("or", [_exists(kind, field) for kind in KINDS])
        case AllOf(parts):
            return _joined("and", [_render(value, negated=negated) for value in parts])
        case AnyOf(parts):
            return _joined("or", [_render(value, negated=negated) for value in parts])
        case Not(inner):
            term = _render(inner, negated=True)
            return _Term(term.height + 1, f"(not {term.text})")


def _joined(word: str, terms: Sequence[_Term]) -> _Term:
    """Join terms in pairs, the flattest first.

    Milvus reads ``a or b or c`` as nested pairs, and cannot pass on more than about 45 levels of them. Joined like
    this, the largest filter that can be parsed has about 30 levels.
    """
    heap = list(terms)
    heapq.heapify(heap)
    while len(heap) > 1:
        low, high = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, _Term(high.height + 1, f"({low.text} {word} {high.text})"))
    return heap[0]


def _comparisons(op: str, field: str, value: Value, *, negated: bool) -> list[_Term]:
    """Return a term for each type that can match; beneath a `not` each is false where the key is missing."""
    if isinstance(value, str):
        terms = {"str": _compared("str", field, op, quoted(value))}
    elif isinstance(value, bool):
        terms = {"bool": _compared("bool", field, op, "true" if value else "false")}
    else:
        terms = {"int": _int_term(op, field, value), "float": _float_term(op, field, value)}
    if not negated:
        return list(terms.values())
    return [_joined("and", [_exists(kind, field), term]) for kind, term in terms.items()]


def _int_term(op: str, field: str, value: float) -> _Term:
    """Compare the whole numbers of a field with any number."""
    low, high = INT64
    if op == "eq":
        if value != math.floor(value) or not low <= value <= high:
            return NEVER
        # The smallest number cannot be written: Milvus reads its digits, which are out of range, before its sign.
        return _compared("int", field, "eq", str(int(value))) if value > low else _int_term("le", field, value)
    if op in ("lt", "le"):
        bound = math.ceil(value) - 1 if op == "lt" else math.floor(value)
        if bound >= high:
            return _exists("int", field)
        return _compared("int", field, "lt", str(bound + 1)) if bound >= low else NEVER
    bound = math.floor(value) + 1 if op == "gt" else math.ceil(value)
    if bound <= low:
        return _exists("int", field)
    return _compared("int", field, "ge", str(bound)) if bound <= high else NEVER


def _float_term(op: str, field: str, value: float) -> _Term:
    """Compare the fractional numbers of a field with any number."""
    nearest = float(value)
    below = nearest if nearest <= value else math.nextafter(nearest, -math.inf)
    above = nearest if nearest >= value else math.nextafter(nearest, math.inf)
    if op == "eq" and below != above:
        return NEVER
    return _compared("float", field, op, repr(above if op in ("lt", "ge") else below))


def _compared(kind: str, field: str, op: str, literal: str) -> _Term:
    return _Term(1, f'(metadata["{kind}"]["{field}"] {_OPERATORS[op]} {literal})')


def _exists(kind: str, field: str) -> _Term:
    return _Term(1, f'(exists metadata["{kind}"]["{field}"])')


NEVER = _Term(2, "(id < 0 and id > 0)")
