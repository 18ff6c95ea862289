"""Choose loopback ports that nothing uses and nothing will be given by chance."""

from __future__ import annotations

import errno
import hashlib
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from imagesearch_local.errors import StackFailed

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20_000, 31_999
"""Above the ports of well-known servers, below 32768, where Linux starts to hand out ports for outgoing
connections: one of those could take a store's port while the store restarts, and a client that keeps
connecting to a dead port in that range can end up connected to itself."""
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a loopback port now.

    Raises:
        StackFailed: listening is not allowed there at all, as on ports below 1024 without root.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections that linger in TIME_WAIT do not stop a server, so they must not count here.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise StackFailed(f"port {port} cannot be used: {error.strerror}") from error
    return True


def choose(
    names: Iterable[str], recorded: Mapping[str, int], seed: str, taken: Iterable[int] = ()
) -> dict[str, int]:
    """Return a free port for each name.

    Args:
        names: what the ports are for.
        recorded: ports of an earlier run, kept where they are free.
        seed: decides where the search starts, so that two stacks that start at once look in other places.
        taken: ports that are spoken for although nothing listens there yet.

    Raises:
        StackFailed: no port is free.
    """
    spoken_for = set(taken)
    chosen: dict[str, int] = {}
    first, count = _range()
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    candidates = (first + (start + step) % count for step in range(count))
    for name in names:
        port = recorded.get(name)
        if port is None or port in spoken_for or not is_free(port):
            port = next((each for each in candidates if each not in spoken_for and is_free(each)), None)
        if port is None:
            raise StackFailed(f"no free port between {first} and {first + count - 1} for {name}")
        spoken_for.add(port)
        chosen[name] = port
    return chosen


def _range() -> tuple[int, int]:
    """Return the first port to consider and how many, kept below the ephemeral ones where that leaves any."""
    lowest = int(EPHEMERAL.read_text().split()[0]) if EPHEMERAL.exists() else LAST + 1
    last = min(LAST, lowest - 1) if lowest - FIRST >= 100 else LAST
    return FIRST, last - FIRST + 1
