"""Decide which partition, metadata and key a picture gets: its own line's, else its job's, else what it has."""

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
    """Hold the partition, metadata and key that a picture is given; None leaves what it has.

    Attributes:
        own_key: the caller's own id of the picture. No vector carries it.
    """

    partition: str | None = None
    metadata: Mapping[str, Any] | None = None
    own_key: str | None = None

    def over(self, others: Labels) -> Labels:
        """Return these, and where they give nothing, what the others give: their job's, or those before them."""
        return Labels(
            others.partition if self.partition is None else self.partition,
            others.metadata if self.metadata is None else self.metadata,
            others.own_key if self.own_key is None else self.own_key,
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

    def keep_key(self, own_key: str | None) -> bool:
        """Tell whether an image with that key, or without one, keeps it so."""
        return self.own_key in (None, own_key)


NO_LABELS = Labels()
