"""API keys: what the API says of them, and the client's methods that look after them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from imagesearch_client.calls import Calls, segment
from imagesearch_client.connection import Retry
from imagesearch_client.fields import Fields

KEYS = "/api/v2/keys"


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


class KeyCalls(Calls):
    """Look after API keys with an admin key; a part of `Client`."""

    def keys(self) -> Iterator[ApiKey]:
        """Iterate over the API keys, those that were revoked included, page by page."""
        return self._pages(KEYS, ApiKey.parse)

    def make_key(
        self,
        name: str,
        *,
        scope: str = "read",
        collections: Sequence[str] = (),
        partition: str | None = None,
        source_roots: Sequence[str] = (),
    ) -> ApiKey:
        """Make an API key and return it with the key itself, which nobody is shown again.

        Args:
            name: what people call it.
            scope: ``read``, ``write`` or ``admin``.
            collections: what it is bound to; none is no bound.
            partition: likewise.
            source_roots: likewise, directories on the server.
        """
        bounds = {
            "collections": list(collections),
            "partition": partition,
            "source_roots": list(source_roots),
        }
        body = {"name": name, "scope": scope} | {key: value for key, value in bounds.items() if value}
        # Once only: a second try after a lost answer would make a second key.
        return ApiKey.parse_new(self._connection.json("POST", KEYS, Retry.NEVER, json=body))

    def revoke_key(self, key_id: str) -> ApiKey:
        """Have an API key hold no more."""
        return ApiKey.parse(self._connection.json("DELETE", f"{KEYS}/{segment(key_id)}", Retry.SAFE))
