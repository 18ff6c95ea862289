"""Name uploaded pictures: by collection, partition and content."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable
from pathlib import Path

from imagesearch.pictures.formats import INDEXED

_FOLDER = r"\d{1,19}/(?:none|[0-9a-f]{16})/(?P<first>[0-9a-f]{2})/(?P<second>[0-9a-f]{2})/"
FILE = re.compile(rf"{_FOLDER}(?P<sha256>(?P=first)(?P=second)[0-9a-f]{{60}})\.[a-z]{{3,4}}")
"""What is stored, beneath the root."""
DRAFT = re.compile(rf"{_FOLDER}\.(?:[0-9a-f]{{64}}\.[a-z]{{3,4}}\.)?[0-9a-f]{{32}}")
"""What is being stored, or was set aside to be removed."""
LAST_WRITE_SECONDS = 3600.0
"""A draft that nobody has written to for so long will never be finished."""


def is_abandoned(mtime_ns: int) -> bool:
    """Tell whether nobody finishes a draft any more that was last written to at this time.

    The clocks of two hosts are compared here. Only drafts for a collection that is deleted are asked about, and
    such an upload fails in any case.
    """
    return mtime_ns < (time.time() - LAST_WRITE_SECONDS) * 1e9


class UploadPaths:
    """Give each uploaded picture a path, which is the same wherever its bytes are kept."""

    def __init__(self, root: Path) -> None:
        """Name what lies beneath `root`, a resolved path."""
        self.root = root

    def path_of(self, collection_id: int, partition: str, sha256: str, file_format: str) -> Path:
        """Return where an uploaded picture lies: by collection, partition and content.

        Each image row has a file of its own, so that deleting one tenant's picture never takes another's file.
        """
        owner = hashlib.sha256(partition.encode()).hexdigest()[:16] if partition else "none"
        name = sha256 + INDEXED[file_format].ending
        return self.root / str(collection_id) / owner / sha256[:2] / sha256[2:4] / name

    def places_of(self, collection_id: int, partition: str, sha256: str) -> list[Path]:
        """Return where an uploaded picture can lie whose format is not known: one path for each."""
        return [self.path_of(collection_id, partition, sha256, each) for each in INDEXED]

    def is_place(self, path: str, collection_id: int) -> bool:
        """Tell whether a path is one that `path_of` gives for a collection."""
        parts = self.parts(path)
        return parts is not None and parts[0] == str(collection_id)

    @staticmethod
    def collection_ids(names: Iterable[str]) -> set[int]:
        """Return which collections the names of folders below the root stand for; others stand for none."""
        return {int(name) for name in names if name.isascii() and name.isdecimal() and name == str(int(name))}

    def parts(self, path: str) -> tuple[str, ...] | None:
        """Return the parts of a path below the root; None where `path_of` gives no such path."""
        relative = path.removeprefix(f"{self.root}/")
        return tuple(relative.split("/")) if relative != path and FILE.fullmatch(relative) else None
