"""Small disks that can be filled: file systems in memory, which only root can mount."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTE = 2**20
CAN_MOUNT = os.geteuid() == 0


def mount(path: Path, megabytes: int) -> None:
    """Put a small disk at a path, whose directory is made."""
    path.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "imagesearch", str(path)]
    subprocess.run(command, check=True)


def unmount(path: Path) -> None:
    """Take a small disk away, with all that is on it."""
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextmanager
def filled(path: Path) -> Iterator[None]:
    """Leave no room on the disk of a path within the block."""
    ballast = path / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            piece = b"\0" * MEGABYTE
            while piece:
                try:
                    file.write(piece)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    piece = piece[: len(piece) // 2]
        yield
    finally:
        ballast.unlink()
