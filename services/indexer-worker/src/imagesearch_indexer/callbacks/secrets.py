"""Read the secrets that callbacks are signed with, from files that operators replace while the process runs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imagesearch.outgoing.urls import is_meant

MIN_BYTES = 24
PREFIX = "whsec_"
"""Begins a secret in base64, as receivers' libraries write them: https://www.standardwebhooks.com."""


class SecretMissing(Exception):
    """There is nothing to sign with; the message says what is wrong, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Find the secrets of hosts.

    Attributes:
        names: of the secrets, by the pattern of a host.
        folder: holds a file for each name.
    """

    names: Mapping[str, str]
    folder: Path | None

    def of(self, host: str, port: int) -> list[bytes]:
        """Return the secrets for a host, as their file has them now.

        Raises:
            SecretMissing: there are none.
        """
        name = next((name for pattern, name in self.names.items() if is_meant(pattern, host, port)), None)
        if name is None:
            raise SecretMissing("its host is not among CALLBACK_HOSTS any more")
        return self._read(name)

    def check(self) -> None:
        """Check that there is a secret for every host.

        Raises:
            SecretMissing: for one of them there is none.
        """
        for name in self.names.values():
            self._read(name)

    def _read(self, name: str) -> list[bytes]:
        if self.folder is None:
            raise SecretMissing("CALLBACK_SECRETS_DIR is not set")
        try:
            lines = (self.folder / name).read_text().split()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissing(f"the secrets {name!r} cannot be read: {type(error).__name__}") from error
        found = [_decoded(line) for line in lines]
        if not found or min(map(len, found)) < MIN_BYTES:
            raise SecretMissing(f"the secrets {name!r} are not lines of at least {MIN_BYTES} bytes")
        return found


def _decoded(line: str) -> bytes:
    if not line.startswith(PREFIX):
        return line.encode()
    try:
        return base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return b""
