"""Loopback ports that belong to this process until it ends, also while no server of its listens there."""

from __future__ import annotations

import atexit
import socket


def kept_port() -> int:
    """Return a port that a server can listen on, and that the kernel gives to nobody else who lets it choose.

    A socket that is bound and does not listen keeps it: servers bind beside it, as both allow the address to be
    used again, and whoever connects before there is a server is refused.
    """
    keeper = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    # A socket that nobody has closed when the process ends is complained about.
    atexit.register(keeper.close)
    return int(keeper.getsockname()[1])
