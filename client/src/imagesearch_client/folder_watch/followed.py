"""The folder that is followed, where its pictures go, and a job over a part of it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Followed:
    """Say which folder is followed, and where its pictures go.

    Attributes:
        root: its path on this machine.
        server_root: its path as the server sees it.
    """

    root: str
    server_root: str
    collection: str = "default"
    partition: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    facts: Sequence[str] = ()

    def on_server(self, path: str) -> str | None:
        """Return the path under which the server sees what lies at a path here; None where that is no text."""
        relative = os.path.relpath(path, self.root)
        seen = self.server_root if relative == "." else f"{self.server_root.rstrip('/')}/{relative}"
        try:
            seen.encode()
        except UnicodeEncodeError:
            return None
        return seen


@dataclass(frozen=True, slots=True)
class Submission:
    """Hold a job that is to be submitted, under a key by which a lost answer makes no second one."""

    source: str | list[str]
    folder: str | None
    prune: bool = False
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
