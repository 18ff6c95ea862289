"""Look at the directories that this process may read or store files in."""

from __future__ import annotations

import os
from pathlib import Path

from imagesearch.doctor.diagnosis import Diagnosis, judge
from imagesearch.errors import StoreUnavailable
from imagesearch.files.roots import Roots
from imagesearch.files.uploaded_objects import UploadedObjects

FULL = 0.05
"""The share of a disk that is free when it counts as full."""


def examine_files(roots: Roots) -> list[Diagnosis]:
    """Return what is to be said of the directories, as this process sees them."""
    found = [_root(root) for root in roots.allowed]
    if not found:
        found = [judge("image roots", "none", "Set IMAGE_ROOTS: no directory can be indexed.", is_well=False)]
    if roots.objects is not None:
        return [*found, _objects(roots.objects)]
    return found + ([] if roots.uploads is None else _uploads(roots.uploads))


def _root(root: Path) -> Diagnosis:
    try:
        with os.scandir(root) as entries:
            is_empty = next(entries, None) is None
    except OSError as error:
        return judge(
            f"root {root}", error.strerror or "unreadable", "Mount it, and let this user read it.", is_well=False
        )
    told = "empty" if is_empty else "readable"
    return judge(f"root {root}", told, "An empty root is mostly a mount that is missing.", is_well=not is_empty)


def _objects(uploads: UploadedObjects) -> Diagnosis:
    try:
        uploads.probe()
    except StoreUnavailable as error:
        told, is_well = str(error), False
    else:
        told, is_well = "can be written, listed, read and removed", True
    advice = (
        "Look at UPLOADS_URL, UPLOADS_ENDPOINT_URL and the credentials: they must be allowed to list the bucket, "
        "and to put, get and delete objects."
    )
    return judge("uploads in the object store", told, advice, is_well=is_well)


def _uploads(root: Path) -> list[Diagnosis]:
    # It is made with the first upload.
    there = next(place for place in (root, *root.parents) if place.exists())
    may_write = os.access(there, os.W_OK | os.X_OK)
    disk = os.statvfs(there)
    share = disk.f_bavail / max(1, disk.f_blocks)
    return [
        judge(
            f"uploads {root}",
            "writable" if may_write else "not writable",
            "Let this user write there, or unset UPLOAD_ROOT.",
            is_well=may_write,
        ),
        judge(
            f"disk of {root}",
            f"{disk.f_bavail * disk.f_frsize >> 30} GB free, {share:.0%}",
            "Make room: uploads are refused when it is full.",
            is_well=share >= FULL,
        ),
    ]
