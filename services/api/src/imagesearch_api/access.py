"""Hold what tells who calls, and who called too often: API keys, the secrets that sign, guesses."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from threading import Lock
from typing import Any, TypeVar

import structlog

from imagesearch.access.key_ring import KeyRing
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import NOBODY, Owner
from imagesearch.errors import StoreUnavailable

log = structlog.get_logger()

T = TypeVar("T")
V = TypeVar("V")

MAX_ADDRESSES = 10_000
"""Addresses with too many wrong keys, and keys with the addresses that they came from, that are remembered."""
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


class Guesses:
    """Remember from which addresses too many wrong keys came, and which keys are in use where.

    An address may be that of a whole office: whoever guesses there locks nobody out who works there already. May
    be shared by threads; of too many, those are forgotten that were seen the longest time ago.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know of nobody; `clock` is in seconds."""
        self._clock = clock
        self._lock = Lock()
        self._blocked: OrderedDict[str, float] = OrderedDict()
        self._used: OrderedDict[tuple[str, str], None] = OrderedDict()

    def block(self, address: str, seconds: int) -> None:
        """Take no key from an address for some time, but for those that are in use there."""
        with self._lock:
            _remember(self._blocked, address, self._clock() + seconds)

    def seconds_blocked(self, address: str) -> int:
        """Return for how long an address is blocked still; 0 where it is not."""
        with self._lock:
            return max(0, ceil(self._blocked.get(address, 0.0) - self._clock()))

    def use(self, address: str, key_id: str) -> None:
        """Remember that a key which holds came from an address."""
        with self._lock:
            _remember(self._used, (address, key_id), None)

    def is_in_use(self, address: str, key_id: str | None) -> bool:
        """Tell whether a key came from an address, and held."""
        with self._lock:
            return key_id is not None and (address, key_id) in self._used


def _remember(memory: OrderedDict[T, V], name: T, value: V) -> None:
    memory[name] = value
    memory.move_to_end(name)
    if len(memory) > MAX_ADDRESSES:
        memory.popitem(last=False)


@dataclass(frozen=True, slots=True)
class RateStorage:
    """Say where requests are counted, in the words of Flask-Limiter."""

    uri: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Access:
    """Bundle what tells who calls.

    Attributes:
        is_on: callers need an API key.
        keys: remembers the keys.
        secrets: sign sessions and links.
        session_seconds: for how long a session holds.
        link_seconds: for how long a link to a picture holds, at least; at most half as long again.
        guesses: remembers where wrong keys came from.
    """

    is_on: bool
    keys: KeyRing
    secrets: Secrets
    session_seconds: int
    link_seconds: int
    guesses: Guesses = field(default_factory=Guesses)
