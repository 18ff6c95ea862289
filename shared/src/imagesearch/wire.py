"""Carry messages over the wire: versioned msgpack maps of plain values, checked on arrival.

Processes of two releases read each other's messages while one takes the other's place. A field that is `added` to
a message is left out where it says nothing new, so what an older release can do is asked of it in words that it
knows; where it says something, the message has the version that the field came with, and is for those who know it.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self, get_args, get_origin, get_type_hints

from imagesearch.errors import InvalidMessage

WIRE_VERSION = 4
"""What a message has that says nothing new."""
READ_VERSIONS = range(3, 6)
"""From what the release before wrote to the newest that a field came with."""
_known_hints: dict[type, dict[str, Any]] = {}
_known_fields: dict[type, tuple[Field[Any], ...]] = {}


def added(version: int, default: Any) -> Any:
    """Declare a field that a message has had since a version, the next after those that releases write."""
    return field(default=default, metadata={"since": version})


@dataclass(frozen=True, slots=True)
class Message:
    """Carry one versioned message over the wire as a map of plain values."""

    def to_wire(self) -> dict[str, Any]:
        """Return the message as a msgpack-ready map with its version under ``v``."""
        values, version = _map(self)
        return {"v": version, **values}

    @classmethod
    def from_wire(cls, wire: object) -> Self:
        """Rebuild a message.

        Raises:
            InvalidMessage: the version is unknown, or a field is missing, unknown or of another type.
        """
        if not isinstance(wire, dict) or wire.get("v") not in READ_VERSIONS:
            version = wire.get("v") if isinstance(wire, dict) else None
            known = f"{READ_VERSIONS[0]} to {READ_VERSIONS[-1]}"
            raise InvalidMessage(f"{cls.__name__}: version {version!r} is not one of {known}")
        return cls._from_map({key: value for key, value in wire.items() if key != "v"})

    @classmethod
    def _from_map(cls, values: dict[str, Any]) -> Self:
        hints = _hints(cls)
        may_lack = {each.name for each in _fields(cls) if "since" in each.metadata}
        if not hints.keys() - may_lack <= values.keys() <= hints.keys():
            unlike = sorted(map(str, (values.keys() ^ hints.keys()) - (may_lack - values.keys())))
            raise InvalidMessage(f"{cls.__name__}: fields {unlike} do not match")
        given = {name: hint for name, hint in hints.items() if name in values}
        return cls(**{name: _typed(hint, values[name], f"{cls.__name__}.{name}") for name, hint in given.items()})


def _hints(kind: type[Message]) -> dict[str, Any]:
    """Return the types of a message's fields, kept because looking them up takes longer than the rest."""
    hints = _known_hints.get(kind)
    if hints is None:
        hints = _known_hints[kind] = get_type_hints(kind)
    return hints


def _fields(kind: type[Message]) -> tuple[Field[Any], ...]:
    found = _known_fields.get(kind)
    if found is None:
        found = _known_fields[kind] = fields(kind)
    return found


def _map(message: Message) -> tuple[dict[str, Any], int]:
    """Return the fields of a message as plain values, and the version that they need."""
    values: dict[str, Any] = {}
    version = WIRE_VERSION
    for each in _fields(type(message)):
        value = getattr(message, each.name)
        since = each.metadata.get("since", 0)
        if since > WIRE_VERSION:
            if value == each.default:
                continue
            version = max(version, since)
        values[each.name], needed = _plain(value)
        version = max(version, needed)
    return values, version


def _plain(value: Any) -> tuple[Any, int]:
    if isinstance(value, Message):
        return _map(value)
    if isinstance(value, tuple):
        elements = [_plain(element) for element in value]
        return [element for element, _ in elements], max((needed for _, needed in elements), default=0)
    return str(value) if isinstance(value, StrEnum) else value, 0


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
