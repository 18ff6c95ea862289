"""Reads options of the form KEY=VALUE."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import click


def read_pairs(pairs: tuple[str, ...], option: str) -> dict[str, Any]:
    """Return the pairs as a map.

    Numbers, true, false and null are read as JSON does, so that ranges work on them; the rest is text.
    A number that is meant as text is written in JSON's quotes: ``zip='"01099"'``.

    Raises:
        click.BadParameter: a pair has no key or no equals sign.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint=option)
        values[key] = _scalar(value)
    return values


def read_json_object(text: str | None, option: str) -> dict[str, Any] | None:
    """Return the JSON object that an option holds; None without one.

    Raises:
        click.BadParameter: it is none.
    """
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise click.BadParameter("a JSON object is expected", param_hint=option)
    return value


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is JSON to Python alone")
