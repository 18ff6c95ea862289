"""What a job is to index: a directory, paths or a manifest, as the server sees them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

ServerPath = str | PurePath
"""A path on the server: nothing of it is looked up here."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Name a file on the server that lists pictures, each with its own partition and metadata.

    JSON lines or CSV with ``path``, ``partition`` and ``metadata``; relative paths begin at its directory.

    Example:
        >>> client.submit_job(Manifest("/lists/all.jsonl"), "photos").id
        '17'
    """

    path: ServerPath


Source = ServerPath | Iterable[ServerPath] | Manifest
"""A directory, the paths of pictures, or a manifest."""


def source_as_json(source: Source) -> str | dict[str, Any]:
    """Return a source as the API takes it."""
    match source:
        case Manifest(path):
            return {"manifest": os.fspath(path)}
        case str() | PurePath():
            return os.fspath(source)
        case _:
            return {"paths": [os.fspath(path) for path in source]}
