"""Decide which partition and metadata a picture gets: its own line's, else its job's, else what it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Labelled(Protocol):
    """Have a partition and metadata, as images do."""

    @property
    def partition(self) -> str:
        """Return the partition."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return the metadata."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Hold the partition and metadata that a picture is given; None leaves what it has."""

    partition: str | None = None
    metadata: Mapping[str, Any] | None = None

    def over(self, others: Labels) -> Labels:
        """Return these, and where they give nothing, what the others give: their job's, or those before them."""
        return Labels(
            others.partition if self.partition is None else self.partition,
            others.metadata if self.metadata is None else self.metadata,
        )

    def on(self, row: Labelled) -> tuple[str, Mapping[str, Any]]:
        """Return the partition and metadata that an image has from then on."""
        return (
            row.partition if self.partition is None else self.partition,
            row.metadata if self.metadata is None else self.metadata,
        )

    def change_nothing(self, partition: str, metadata: Mapping[str, Any]) -> bool:
        """Tell whether an image with that partition and metadata keeps both."""
        return self.partition in (None, partition) and self.metadata in (None, metadata)


NO_LABELS = Labels()
