"""Say what a job that indexes is to find out about its pictures besides what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from imagesearch.path_rules import PathRule
from imagesearch.photo_facts import Fact


@dataclass(frozen=True, slots=True)
class Wishes:
    """Hold what becomes metadata of pictures.

    Attributes:
        facts: what their EXIF says.
        metadata_from_path: a rule that their paths are read by, as `PathRule` knows it.
    """

    facts: tuple[Fact, ...] = ()
    metadata_from_path: str | None = None

    @property
    def path_rule(self) -> PathRule | None:
        """Return the rule; None where there is none."""
        return None if self.metadata_from_path is None else _parsed(self.metadata_from_path)

    def to_options(self) -> dict[str, Any] | None:
        """Return the wishes as a job keeps them; None where there are none."""
        options: dict[str, Any] = {"facts": list(self.facts)} if self.facts else {}
        if self.metadata_from_path is not None:
            options["metadata_from_path"] = self.metadata_from_path
        return options or None

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> Self:
        """Return what `to_options` gave; other options of a job are no wishes."""
        kept = options or {}
        return cls(tuple(map(Fact, kept.get("facts", ()))), kept.get("metadata_from_path"))


@lru_cache(maxsize=64)
def _parsed(rule: str) -> PathRule:
    """Return a rule that every path of a job is read by."""
    return PathRule.parse(rule)


NO_WISHES = Wishes()
