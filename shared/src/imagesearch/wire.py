"""Carry messages over the wire: versioned msgpack maps of plain values, checked on arrival."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self, get_args, get_origin, get_type_hints

from imagesearch.errors import InvalidMessage

WIRE_VERSION = 4
_known_hints: dict[type, dict[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Message:
    """Carry one versioned message over the wire as a map of plain values."""

    def to_wire(self) -> dict[str, Any]:
        """Return the message as a msgpack-ready map with its version under ``v``."""
        wire: dict[str, Any] = {"v": WIRE_VERSION}
        for field in fields(self):
            wire[field.name] = _plain(getattr(self, field.name))
        return wire

    @classmethod
    def from_wire(cls, wire: object) -> Self:
        """Rebuild a message.

        Raises:
            InvalidMessage: the version is unknown, or a field is missing, unknown or of another type.
        """
        if not isinstance(wire, dict) or wire.get("v") != WIRE_VERSION:
            version = wire.get("v") if isinstance(wire, dict) else None
            raise InvalidMessage(f"{cls.__name__}: version {version!r} is not {WIRE_VERSION}")
        return cls._from_map({key: value for key, value in wire.items() if key != "v"})

    @classmethod
    def _from_map(cls, values: dict[str, Any]) -> Self:
        hints = _hints(cls)
        if values.keys() != hints.keys():
            unlike = sorted(map(str, values.keys() ^ hints.keys()))
            raise InvalidMessage(f"{cls.__name__}: fields {unlike} do not match")
        return cls(**{name: _typed(hint, values[name], f"{cls.__name__}.{name}") for name, hint in hints.items()})


def _hints(kind: type[Message]) -> dict[str, Any]:
    """Return the types of a message's fields, kept because looking them up takes longer than the rest."""
    hints = _known_hints.get(kind)
    if hints is None:
        hints = _known_hints[kind] = get_type_hints(kind)
    return hints


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(element) for element in value]
    return str(value) if isinstance(value, StrEnum) else value


def _typed(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_typed(get_args(hint)[0], element, where) for element in value)
    if get_origin(hint) is dict and isinstance(value, dict):
        return value
    if isinstance(hint, type):
        if issubclass(hint, Message) and isinstance(value, dict):
            return hint._from_map(value)
        if issubclass(hint, StrEnum) and isinstance(value, str) and value in set(hint):
            return hint(value)
        if hint is float and type(value) in (int, float):
            return float(value)
        if type(value) is hint:
            return value
    elif any(option is type(None) for option in get_args(hint)):
        if value is None:
            return None
        return _typed(next(option for option in get_args(hint) if option is not type(None)), value, where)
    raise InvalidMessage(f"{where}: {type(value).__name__} where {hint} belongs")
