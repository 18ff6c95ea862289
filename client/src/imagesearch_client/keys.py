"""What the API answers about API keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from imagesearch_client.fields import Fields


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Describe an API key; what is None is no bound."""

    id: str
    name: str
    scope: str
    """``read``, ``write`` or ``admin``."""
    collections: tuple[str, ...] | None
    partition: str | None
    source_roots: tuple[str, ...] | None
    created_by: str | None
    """The id of the key that made it; None for the command on the server."""
    created_at: datetime | None
    revoked_at: datetime | None
    key: str | None = field(default=None, repr=False)
    """The key itself, as its owner sends it: known only to whoever makes it."""
    etag: str | None = None
    """Its version, for `if_match`; None where it is one of a list."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a key from JSON. Raises ProtocolError."""
        return cls(**_described(Fields(value, "an API key")))

    @classmethod
    def parse_new(cls, value: object) -> Self:
        """Read a key that was just made from JSON. Raises ProtocolError."""
        fields = Fields(value, "a new API key")
        return cls(**_described(fields), key=fields.text("key"))


def _described(fields: Fields) -> dict[str, Any]:
    return {
        **{name: fields.text(name) for name in ("id", "name", "scope")},
        **{name: _names(fields, name) for name in ("collections", "source_roots")},
        **{name: fields.optional_text(name) for name in ("partition", "created_by")},
        **{name: fields.optional_time(name) for name in ("created_at", "revoked_at")},
    }


def _names(fields: Fields, name: str) -> tuple[str, ...] | None:
    return tuple(map(str, fields.items(name))) if name in fields else None
