"""What is answered about the system itself."""

from __future__ import annotations

from imagesearch_api.models.responses.base import Answer, Count


class Worker(Answer):
    """A worker that is alive, and the queues that it consumes."""

    name: str
    queues: list[str]
    version: str


class Info(Answer):
    """What runs here; what only an extractor knows is null while none runs."""

    version: str
    weights: str | None
    untrained: bool | None
    model: str | None
    fingerprint: str | None
    preprocessing_version: Count
    collections: Count
    images: Count
    workers: list[Worker]


class Finding(Answer):
    """A disagreement between the stores, and how often it was found."""

    kind: str
    count: Count
    detail: str


class Reconciliation(Answer):
    """What was found, and repaired unless the run was dry."""

    dry_run: bool
    findings: list[Finding]
