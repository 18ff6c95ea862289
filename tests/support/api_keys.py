"""API keys that no catalogue has to hold, and an application that asks for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from imagesearch.access.key_ring import KeyRing
from imagesearch.access.keys import ApiKey, StoredKey, Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING, Tenancy
from imagesearch_api.access import Access, Secrets
from imagesearch_api.services import Services

MADE_AT = datetime(2025, 5, 1, tzinfo=UTC)
SECRET = b"signs in tests"


class Keys:
    """Make keys, and find them as a catalogue does."""

    def __init__(self) -> None:
        self._stored: dict[str, StoredKey] = {}

    def make(self, scope: Scope, tenancy: Tenancy = EVERYTHING) -> Token:
        """Return a key that holds."""
        token = Token.new()
        key = ApiKey(token.id, "in tests", scope, tenancy, None, MADE_AT, None)
        self._stored[token.id] = StoredKey(key, token.digest)
        return token

    def revoke(self, token: Token) -> None:
        """Have a key hold no more."""
        stored = self._stored[token.id]
        self._stored[token.id] = replace(stored, key=replace(stored.key, revoked_at=MADE_AT))

    def asked_for_by(self, services: Services) -> Services:
        """Return services that ask for these keys, and look each up anew."""
        access = services.access
        asking = Access(
            is_on=True,
            keys=KeyRing(self._stored.get, seconds=0),
            secrets=Secrets(lambda: [SECRET]),
            session_seconds=access.session_seconds,
            link_seconds=access.link_seconds,
        )
        return replace(services, access=asking)


def bearer(token: Token) -> dict[str, str]:
    """Return the header that sends a key."""
    return {"Authorization": f"Bearer {token.reveal()}"}
