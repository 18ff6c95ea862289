"""Say which directories the product may read at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from imagesearch.files.beneath import Identity, identity_of
from imagesearch.files.mounts import mounted_parts
from imagesearch.settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Roots:
    """Say which directories may be read.

    Attributes:
        allowed: resolved directories; what lies beneath one of them may be a source of jobs.
        uploads: the resolved directory of uploaded pictures, which is never a source; None where there is none.
    """

    allowed: tuple[Path, ...] = ()
    uploads: Path | None = None

    @classmethod
    def of(cls, sources: SourceSettings) -> Self:
        """Return the directories that may be read; the root of uploads is no source even if named as one."""
        allowed = tuple(root for root in sources.image_roots if root != sources.upload_root)
        return cls(allowed, sources.upload_root)

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
    def barred(self) -> frozenset[Identity]:
        """Return what no source may lead into under any name or mount: the uploads, and parts of them."""
        if self.uploads is None:
            return frozenset()
        whole = identity_of(self.uploads)
        return mounted_parts(self.uploads) | ({whole} if whole is not None else set())
