"""Hold what tells who calls: API keys, the secrets that sign, and for how long what is signed holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import structlog

from imagesearch.access.key_ring import KeyRing
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import NOBODY, Owner
from imagesearch.errors import StoreUnavailable

log = structlog.get_logger()

SECRETS_SECONDS = 30.0
"""Until secrets are read again: well below the time after which a new one signs."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Tell who calls.

    Attributes:
        owner: the key, and what it is bound to.
        scope: what it allows.
        has_key: the request brought the key itself, and not only what was signed for it.
    """

    owner: Owner
    scope: Scope
    has_key: bool = True


ANYONE = Caller(NOBODY, Scope.ADMIN)
"""Whoever reaches an API whose keys are switched off."""


class Secrets:
    """Remember the secrets that sign; may be shared by threads."""

    def __init__(self, load: Callable[[], list[bytes]], clock: Callable[[], float] = time.monotonic) -> None:
        """Load them with the first question.

        Args:
            load: returns the secrets whose signatures hold, first the one to sign with; raises `StoreUnavailable`.
            clock: in seconds.
        """
        self._load = load
        self._clock = clock
        self._loading = Lock()
        self._known: list[bytes] = []
        self._until = 0.0

    def current(self) -> list[bytes]:
        """Return the secrets, first the one to sign with.

        Those that are known go on holding while Postgres does not answer: what they signed counts only together
        with a key, which is looked up again within seconds.

        Raises:
            StoreUnavailable: none were ever read, and Postgres does not answer.
        """
        if self._clock() >= self._until and self._loading.acquire(blocking=not self._known):
            try:
                if self._clock() >= self._until:
                    self._known = self._load()
                    self._until = self._clock() + SECRETS_SECONDS
            except StoreUnavailable as error:
                if not self._known:
                    raise
                log.warning("secrets.not_read", reason=str(error))
            finally:
                self._loading.release()
        return self._known


@dataclass(frozen=True, slots=True)
class Access:
    """Bundle what tells who calls.

    Attributes:
        is_on: callers need an API key.
        keys: remembers the keys.
        secrets: sign sessions and links.
        session_seconds: for how long a session holds.
        link_seconds: for how long a link to a picture holds, at least; at most half as long again.
    """

    is_on: bool
    keys: KeyRing
    secrets: Secrets
    session_seconds: int
    link_seconds: int
