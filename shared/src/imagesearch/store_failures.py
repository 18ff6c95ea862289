"""Count what stores did not do, and remember for a while which of them has no room, and why."""

from __future__ import annotations

import errno
import time
from threading import Lock

from imagesearch.errors import Shortage, StoreFull, StoreUnavailable
from imagesearch.metrics import STORE_ERRORS, STORE_FULL

LATELY_SECONDS = 60.0
"""For so long a store counts as full after it refused something: whoever waits for it asks every few seconds."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""What a file system says that has no room, or none for this user."""

_lock = Lock()
_refused: dict[str, tuple[float, str]] = {}


def failed(store: str, reason: str, lacks: Shortage | None = None) -> StoreUnavailable:
    """Return the error of a call that a store did not answer, or refused for want of room, and count it.

    Args:
        store: its name.
        reason: what it said.
        lacks: what it has no more of; None where it is not full.
    """
    STORE_ERRORS.labels(store).inc()
    if lacks is None:
        return StoreUnavailable(store, reason)
    STORE_FULL.labels(store, lacks.value).inc()
    error = StoreFull(store, lacks, reason)
    with _lock:
        _refused[store] = time.monotonic(), str(error)
    return error


def tells_of_full_disk(reason: str) -> bool:
    """Tell whether a store passes on that its file system has no room; it may give that any code, or none."""
    return "no space left on device" in reason.lower()


def full_disk(store: str, error: OSError) -> StoreUnavailable:
    """Return the error of a file system that did not take a file."""
    reason = error.strerror or type(error).__name__
    return failed(store, reason, Shortage.DISK if error.errno in NO_ROOM else None)


def refused_lately() -> tuple[str, ...]:
    """Return what each store said that refused something of this process a moment ago, for want of room."""
    since = time.monotonic() - LATELY_SECONDS
    with _lock:
        return tuple(reason for at, reason in _refused.values() if at > since)
