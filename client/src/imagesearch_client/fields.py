"""Reads typed fields out of JSON objects; names the field when one is missing or of another type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from imagesearch_client.errors import ProtocolError


class Fields:
    """Read one JSON object, field by field; fields nobody asks for are ignored, so the API can grow."""

    def __init__(self, value: object, what: str) -> None:
        """Take a JSON object.

        Raises:
            ProtocolError: the value is no object.
        """
        if not isinstance(value, Mapping):
            raise ProtocolError(f"the API's answer for {what} is not a JSON object: {_shown(value)}")
        self._values: Mapping[str, Any] = value
        self._what = what

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str) -> str:
        """Return a string. Raises ProtocolError."""
        value = self._required(name)
        if isinstance(value, str):
            return value
        raise self._wrong(name, "a text")

    def identifier(self, name: str) -> str:
        """Return an id, which may be sent as a string or as a number. Raises ProtocolError."""
        value = self._required(name)
        if isinstance(value, str) or type(value) is int:
            return str(value)
        raise self._wrong(name, "an id")

    def integer(self, name: str) -> int:
        """Return a whole number. Raises ProtocolError."""
        value = self._required(name)
        if type(value) is int:
            return value
        raise self._wrong(name, "a whole number")

    def number(self, name: str) -> float:
        """Return a number. Raises ProtocolError."""
        value = self._required(name)
        if type(value) in (int, float):
            return float(value)
        raise self._wrong(name, "a number")

    def items(self, name: str) -> list[Any]:
        """Return a list. Raises ProtocolError."""
        value = self._required(name)
        if isinstance(value, list):
            return value
        raise self._wrong(name, "a list")

    def optional_text(self, name: str) -> str | None:
        """Return a string, or None where there is none. Raises ProtocolError."""
        return self.text(name) if name in self else None

    def optional_integer(self, name: str) -> int | None:
        """Return a whole number, or None where there is none. Raises ProtocolError."""
        return self.integer(name) if name in self else None

    def optional_number(self, name: str) -> float | None:
        """Return a number, or None where there is none. Raises ProtocolError."""
        return self.number(name) if name in self else None

    def optional_time(self, name: str) -> datetime | None:
        """Return a time that was sent in ISO 8601, or None where there is none. Raises ProtocolError."""
        if name not in self:
            return None
        try:
            return datetime.fromisoformat(self.text(name))
        except ValueError:
            raise self._wrong(name, "a time") from None

    def scalar(self, name: str) -> str | int | float | bool:
        """Return a text, a number or a truth value. Raises ProtocolError."""
        value = self._required(name)
        if isinstance(value, str | int | float):
            return value
        raise self._wrong(name, "a text, a number or a truth value")

    def flag(self, name: str) -> bool:
        """Return a boolean; a missing one is False. Raises ProtocolError."""
        value = self._values[name] if name in self else False
        if isinstance(value, bool):
            return value
        raise self._wrong(name, "true or false")

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object; a missing one is empty. Raises ProtocolError."""
        if name not in self:
            return {}
        value = self._values[name]
        if isinstance(value, Mapping):
            return value
        raise self._wrong(name, "an object")

    def raw(self) -> Mapping[str, Any]:
        """Return everything that was sent."""
        return self._values

    def _required(self, name: str) -> Any:
        if name not in self._values:
            raise ProtocolError(f"the API's answer for {self._what} has no field {name!r}")
        return self._values[name]

    def _wrong(self, name: str, expected: str) -> ProtocolError:
        value = _shown(self._values[name])
        return ProtocolError(f"the API's answer for {self._what}: {name!r} is not {expected}: {value}")


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
