"""What the API answers about itself: what runs, what reconcile found, and what the doctor says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from imagesearch_client.fields import Fields


@dataclass(frozen=True, slots=True)
class Info:
    """Describe the running system; what only an extractor knows is None while none runs."""

    version: str
    weights: str | None
    """What the extractors were told to load: ``imagenet``, a file, or ``random:SEED``."""
    untrained: bool
    """The weights are random: good for trials, not for judging what looks alike."""
    model: str | None
    fingerprint: str | None
    """Of a collection that nobody chose a pipeline for."""
    fingerprints: frozenset[str]
    """Of collections that the networks that run would build with any of the named pipelines."""
    images: int | None
    images_capped: bool
    """Whether there may be more: images of one partition are counted up to 10,000."""
    everything: Mapping[str, Any]
    """The whole answer."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read the system's description from JSON. Raises ProtocolError."""
        fields = Fields(value, "the system's info")
        return cls(
            version=fields.text("version"),
            weights=fields.optional_text("weights"),
            untrained=fields.flag("untrained"),
            model=fields.optional_text("model"),
            fingerprint=fields.optional_text("fingerprint"),
            fingerprints=_fingerprints(fields),
            images=fields.optional_integer("images"),
            images_capped=fields.flag("images_capped"),
            everything=fields.raw(),
        )


def _fingerprints(info: Fields) -> frozenset[str]:
    networks = [Fields(each, "a network") for each in info.items("networks")] if "networks" in info else []
    named = [Fields(each, "a pipeline") for network in networks for each in network.items("pipelines")]
    return frozenset(each.text("fingerprint") for each in named)


@dataclass(frozen=True, slots=True)
class Finding:
    """Name one kind of disagreement between the stores that reconcile looks for, and how often it was found."""

    kind: str
    count: int
    detail: str

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a finding from JSON. Raises ProtocolError."""
        fields = Fields(value, "a finding")
        return cls(fields.text("kind"), fields.integer("count"), fields.optional_text("detail") or "")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Hold what reconcile found; it is repaired as well unless the run was dry."""

    findings: tuple[Finding, ...]
    dry_run: bool

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read the outcome of a reconcile from JSON. Raises ProtocolError."""
        fields = Fields(value, "a reconcile")
        return cls(tuple(Finding.parse(each) for each in fields.items("findings")), fields.flag("dry_run"))


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Say of one thing whether it is well, and what to do where it is not."""

    subject: str
    verdict: str
    """``ok``, ``problem``, or ``unknown`` where it cannot be told."""
    found: str
    todo: str

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a diagnosis from JSON. Raises ProtocolError."""
        fields = Fields(value, "a diagnosis")
        return cls(fields.text("subject"), fields.text("verdict"), fields.text("found"), fields.text("todo"))


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what the doctor found."""

    healthy: bool
    diagnoses: tuple[Diagnosis, ...]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a report from JSON. Raises ProtocolError."""
        fields = Fields(value, "a doctor's report")
        return cls(fields.flag("healthy"), tuple(Diagnosis.parse(each) for each in fields.items("diagnoses")))
