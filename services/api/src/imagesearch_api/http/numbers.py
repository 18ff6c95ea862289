"""Read numbers out of texts, as queries and forms carry them.

`int` and `float` also take ``1_0``, other scripts' digits and thousands of digits: none of them is meant.
"""

from __future__ import annotations

import re

from imagesearch_api.http.fields import BadField

_WHOLE = re.compile(r"-?[0-9]{1,20}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,40})?([eE]-?[0-9]{1,3})?")


def whole_number(text: str) -> int | str:
    """Return the whole number that a text is; any other text as it is, for a model to refuse."""
    return int(text) if _WHOLE.fullmatch(text) else text


def decimal_number(text: str) -> float | str:
    """Return the number that a text is; any other text as it is, for a model to refuse."""
    return float(text) if _DECIMAL.fullmatch(text) else text


def read_int(name: str, text: str | None, *, default: int, low: int, high: int) -> int:
    """Return a whole number from a form field or query parameter.

    Raises:
        BadField: it is not a whole number from `low` to `high`.
    """
    if text is None:
        return default
    number = whole_number(text)
    if isinstance(number, str) or not low <= number <= high:
        raise BadField(name, f"a whole number from {low} to {high}")
    return number
