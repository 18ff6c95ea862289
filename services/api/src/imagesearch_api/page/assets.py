"""Hold the files of a page, each read and packed once."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

WEB = Path(__file__).parent / "web"
REFERENCE = Path(__file__).parent / "reference"
INDEX = "index.html"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
VERSION_MARK = b"{{version}}"
"""Stands in `INDEX` for the digest of all files, which their URLs carry."""


@dataclass(frozen=True, slots=True)
class Asset:
    """Hold one file as it is sent.

    Attributes:
        packed: its content compressed with gzip.
        etag: another one for each content.
    """

    content: bytes
    packed: bytes
    media_type: str
    etag: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Self:
        """Return a file of that content."""
        # Without the time of packing, so that all processes send the same bytes.
        return cls(content, gzip.compress(content, mtime=0), media_type, hashlib.sha256(content).hexdigest()[:32])


@dataclass(frozen=True, slots=True)
class Assets:
    """Hold all files of a page.

    Attributes:
        version: the digest of all of them: a URL that holds it never changes its content.
        index: the document that a browser begins with.
        files: the others, by name.
    """

    version: str
    index: Asset
    files: Mapping[str, Asset]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the files of a folder."""
        contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        digest = hashlib.sha256()
        for name, content in contents.items():
            digest.update(f"{name} {len(content)}\n".encode() + content)
        version = digest.hexdigest()[:16]
        index = contents.pop(INDEX).replace(VERSION_MARK, version.encode())
        files = {name: Asset.of(content, MEDIA_TYPES[Path(name).suffix]) for name, content in contents.items()}
        return cls(version, Asset.of(index, MEDIA_TYPES[Path(INDEX).suffix]), files)
