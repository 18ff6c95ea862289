"""Say which directories the product may read at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self, TypeAlias

from imagesearch.files.beneath import Identity, identity_of
from imagesearch.files.bucket import Bucket
from imagesearch.files.mounts import mounted_parts
from imagesearch.files.uploaded_objects import UploadedObjects
from imagesearch.files.uploads import Uploads
from imagesearch.settings import SourceSettings

UploadStore: TypeAlias = Uploads | UploadedObjects
"""Where uploaded pictures are kept."""


@dataclass(frozen=True, slots=True)
class Roots:
    """Say which directories may be read.

    Attributes:
        allowed: resolved directories; what lies beneath one of them may be a source of jobs.
        uploads: the resolved directory of uploaded pictures, which is never a source; None where there is none.
        objects: holds the uploads in place of that directory, under the paths that they would have there.
    """

    allowed: tuple[Path, ...] = ()
    uploads: Path | None = None
    objects: UploadedObjects | None = field(default=None, compare=False)

    @classmethod
    def of(cls, sources: SourceSettings) -> Self:
        """Return the directories that may be read; the root of uploads is no source even if named as one."""
        allowed = tuple(root for root in sources.image_roots if root != sources.upload_root)
        objects = None
        if sources.upload_root is not None and sources.uploads_url:
            bucket = Bucket(sources.uploads_url, sources.uploads_endpoint_url, sources.uploads_timeout)
            objects = UploadedObjects(sources.upload_root, bucket)
        return cls(allowed, sources.upload_root, objects)

    def within(self, bounds: Sequence[str]) -> Roots:
        """Return these directories as far as they lie beneath one of the bounds, which are resolved ones."""
        narrowed = []
        for bound in map(Path, bounds):
            if any(bound.is_relative_to(root) for root in self.allowed):
                narrowed.append(bound)
            else:
                narrowed += [root for root in self.allowed if root.is_relative_to(bound)]
        return replace(self, allowed=tuple(dict.fromkeys(narrowed)))

    @property
    def readable(self) -> bool:
        """Tell whether anything may be read at all."""
        return bool(self.allowed) or self.uploads is not None

    @property
    def upload_store(self) -> UploadStore | None:
        """Return what keeps uploaded pictures; None where there are none."""
        if self.objects is not None or self.uploads is None:
            return self.objects
        return Uploads(self.uploads)

    @property
    def barred(self) -> frozenset[Identity]:
        """Return what no source may lead into under any name or mount: the uploads, and parts of them."""
        if self.uploads is None:
            return frozenset()
        whole = identity_of(self.uploads)
        return mounted_parts(self.uploads) | ({whole} if whole is not None else set())
