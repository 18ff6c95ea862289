"""Name what an API key may be used for."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """Name how much a key allows; each scope allows what those before it do."""

    READ = "read"
    """See, search, count and fetch."""
    WRITE = "write"
    """Submit, upload, change and delete as well."""
    ADMIN = "admin"
    """Have the stores repaired, see what is wrong with the system, and look after API keys, as well."""

    def covers(self, needed: Scope) -> bool:
        """Tell whether a key of this scope may do what needs another."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)
