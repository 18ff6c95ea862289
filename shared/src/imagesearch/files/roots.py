"""Say which directories the product may read at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagesearch.files.beneath import Identity, identity_of


@dataclass(frozen=True, slots=True)
class Roots:
    """Say which directories may be read.

    Attributes:
        allowed: resolved directories; what lies beneath one of them may be a source of jobs.
        uploads: the resolved directory of uploaded pictures, which is never a source; None where there is none.
    """

    allowed: tuple[Path, ...] = ()
    uploads: Path | None = None

    @property
    def readable(self) -> bool:
        """Tell whether anything may be read at all."""
        return bool(self.allowed) or self.uploads is not None

    @property
    def barred(self) -> Identity | None:
        """Return the directory that no source may lead into, whatever name or mount leads there."""
        return identity_of(self.uploads) if self.uploads is not None else None
