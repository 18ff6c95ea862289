"""What the API answers about quotas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from imagesearch_client.fields import Fields


@dataclass(frozen=True, slots=True)
class Quota:
    """Say what a tenant has, and may have; a limit of None is none."""

    id: int
    collection: str | None
    """Whose images count; None: those of every collection."""
    partition: str | None
    """The only one whose images count; None: all do."""
    images: int
    bytes: int
    jobs: int
    """That have not ended."""
    max_images: int | None
    max_bytes: int | None
    max_jobs: int | None
    counted: bool
    """Whether what was there before the quota has been counted."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a quota from JSON. Raises ProtocolError."""
        fields = Fields(value, "a quota")
        return cls(
            id=fields.integer("id"),
            collection=fields.optional_text("collection"),
            partition=fields.optional_text("partition"),
            images=fields.integer("images"),
            bytes=fields.integer("bytes"),
            jobs=fields.integer("jobs"),
            max_images=fields.optional_integer("max_images"),
            max_bytes=fields.optional_integer("max_bytes"),
            max_jobs=fields.optional_integer("max_jobs"),
            counted=fields.flag("counted"),
        )
