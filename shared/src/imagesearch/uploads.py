"""Keep uploaded pictures as files: where each lies, and how it gets there whole."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from uuid import uuid4

ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"}


def folder_of(root: Path, collection_id: int) -> Path:
    """Return the directory that holds the uploads of a collection, and nothing else."""
    return root / str(collection_id)


def path_of(root: Path, collection_id: int, partition: str, sha256: str, file_format: str) -> Path:
    """Return where an uploaded picture lies: by collection, partition and content.

    Each image row has a file of its own, so that deleting one tenant's picture never takes another's file.
    """
    owner = hashlib.sha256(partition.encode()).hexdigest()[:16] if partition else "none"
    name = sha256 + ENDINGS[file_format]
    return folder_of(root, collection_id) / owner / sha256[:2] / sha256[2:4] / name


def store(path: Path, data: bytes) -> os.stat_result:
    """Write a file so that it is there wholly or not at all, also after a power cut; return its facts.

    A file of that path holds these bytes already, because its name is their digest.

    Raises:
        OSError: the file system did not take it.
    """
    try:
        found = path.stat()
        if found.st_size == len(data):
            return found
    except FileNotFoundError:
        pass
    _make_folder(path.parent)
    # A name that begins with a dot is left out by jobs over the directory.
    draft = path.parent / f".{uuid4().hex}"
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync(path.parent)
    return path.stat()


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
