"""Collect how a search was done, for callers who ask; only what they could know of the collection anyway."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagesearch.catalog.collection import Collection
from imagesearch.vectors import Look


@dataclass(slots=True)
class Plan:
    """Note what a search did: nothing that depends on images outside what it was restricted to.

    Attributes:
        collection: that was searched.
        looks: at the vector store, in their order.
    """

    collection: Collection | None = None
    looks: list[Look] = field(default_factory=list)
