"""Make and read API keys: a public id to look them up by, and a secret of which only a digest is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Tenancy

ID_BYTES = 8
SECRET_BYTES = 32
"""256 random bits: nobody guesses them, so a fast digest keeps them as well as a slow one, made for passwords."""
ID = re.compile(r"[0-9a-f]{16}")
_TEXT = re.compile(r"imagesearch_(?P<id>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})")
MAX_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Token:
    """Hold an API key as its owner has it: ``imagesearch_<id>_<secret>``. It never shows its secret by itself."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Draw a new one."""
        return cls(secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what a text holds; None where it is no API key."""
        found = _TEXT.fullmatch(text)
        return cls(found["id"], found["secret"]) if found else None

    def reveal(self) -> str:
        """Return the text that its owner sends."""
        return f"imagesearch_{self.id}_{self.secret}"

    @property
    def digest(self) -> str:
        """Return what is kept of the secret."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Describe an API key.

    Attributes:
        created_by: id of the key that made it; None for the command.
    """

    id: str
    name: str
    scope: Scope
    tenancy: Tenancy
    created_by: str | None
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """Hold an API key, and what is kept of its secret."""

    key: ApiKey
    secret_sha256: str = field(repr=False)

    def opens_with(self, token: Token) -> bool:
        """Tell whether a token is this key, and the key still holds."""
        is_same = hmac.compare_digest(self.secret_sha256, token.digest)
        return is_same and self.holds

    @property
    def holds(self) -> bool:
        """Tell whether it has not been revoked."""
        return self.key.revoked_at is None
