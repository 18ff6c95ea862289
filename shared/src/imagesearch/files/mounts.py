"""Find where parts of a directory are mounted a second time, as Linux tells in mountinfo (proc(5))."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from imagesearch.files.beneath import Identity, identity_of

TABLE = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """Hold one mount.

    Attributes:
        device: of the file system, as ``major:minor``.
        root: the directory or file of that file system which is mounted.
        point: where it is mounted.
    """

    device: str
    root: Path
    point: Path


def mounted_parts(directory: Path, table: Path = TABLE) -> frozenset[Identity]:
    """Return what lies in a directory and is mounted elsewhere, too; the table is read once a second at most."""
    return _mounted_parts(directory, table, int(time.monotonic()))


@lru_cache(maxsize=4)
def _mounted_parts(directory: Path, table: Path, _: int) -> frozenset[Identity]:
    try:
        text = table.read_text(errors="surrogateescape")
    except OSError:
        return frozenset()
    # Of several mounts at one point the last one is what is seen there.
    mounts = {mount.point: mount for mount in map(_parsed, text.splitlines())}
    holding = next((mounts[point] for point in (directory, *directory.parents) if point in mounts), None)
    if holding is None:
        return frozenset()
    place = holding.root / directory.relative_to(holding.point)
    parts = [
        identity_of(mount.point)
        for mount in mounts.values()
        if mount.device == holding.device and mount.root != place and mount.root.is_relative_to(place)
    ]
    return frozenset(part for part in parts if part is not None)


def _parsed(line: str) -> Mount:
    _, _, device, root, point, *_ = line.split(" ")
    return Mount(device, Path(_plain(root)), Path(_plain(point)))


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
