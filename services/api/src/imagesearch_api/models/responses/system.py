"""What is answered about the system itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from imagesearch.pipeline import Preset
from imagesearch_api.models.responses.base import Answer, Anything, Count


class Worker(Answer):
    """A worker that is alive, and the queues that it consumes."""

    name: str
    queues: list[str]
    version: str


class Pipeline(Answer):
    """A pipeline that has a name, and what collections say that a network builds with it."""

    pipeline: Preset
    pooling: str
    model: str
    preprocessing: Anything
    fingerprint: str


class Network(Answer):
    """A network with weights that live workers run, and how many of them for batches and for queries."""

    network: str
    dimension: Count
    input_side: Count
    model: str = Field(description="With the network's own pooling; `pipelines` say theirs.")
    weights: str | None
    untrained: bool
    extractors: Count
    query_extractors: Count
    pipelines: list[Pipeline]


class Info(Answer):
    """What runs here; what only an extractor knows is null while none runs."""

    version: str
    weights: str | None
    untrained: bool | None
    model: str | None
    fingerprint: str | None = Field(description="Of collections that nobody chose a pipeline for.")
    preprocessing_version: Count
    collections: Count
    images: Count
    images_capped: bool
    searches_by_url: bool = Field(description="Whether pictures to search by are fetched from any host.")
    takes_uploads: bool = Field(description="Whether pictures can be added by sending them.")
    max_upload_bytes: Count = Field(description="Size of the largest picture that may be sent.")
    workers: list[Worker]
    networks: list[Network]


class Work(Answer):
    """What there is to do, waiting or in hand: for an autoscaler, which divides it by what one worker takes.

    `plan` counts jobs that are being listed, `extract` batches without an outcome, `index` batches in flight.
    Of one job at most 1,000 batches are counted.
    """

    plan: Count
    extract: Count
    index: Count


class Finding(Answer):
    """A disagreement between the stores, and how often it was found."""

    kind: str
    count: Count
    detail: str


class Reconciliation(Answer):
    """What was found, and repaired unless the run was dry."""

    dry_run: bool
    findings: list[Finding]


class Directory(Answer):
    """A directory in which a job can begin."""

    name: str
    path: str


class Directories(Answer):
    """The directories in one directory, or those that may be read at all."""

    path: str | None = Field(description="Of the directory whose content this is; null for the allowed roots.")
    parent: str | None = Field(description="Of the directory above it; null at the top.")
    items: list[Directory]
    is_complete: bool = Field(description="Whether there are no others: very large directories are cut off.")

    @classmethod
    def of_roots(cls, roots: Sequence[Path]) -> Self:
        """Return the directories beneath which everything lies that may be read."""
        items = [Directory(name=str(root), path=str(root)) for root in roots]
        return cls(path=None, parent=None, items=items, is_complete=True)

    @classmethod
    def of(cls, path: Path, parent: Path | None, names: Sequence[str], *, is_complete: bool) -> Self:
        """Return what lies in a directory."""
        items = [Directory(name=name, path=str(path / name)) for name in names]
        above = str(parent) if parent is not None else None
        return cls(path=str(path), parent=above, items=items, is_complete=is_complete)


class Session(Answer):
    """The API key under which a request is answered, and what it is bound to; null is no bound."""

    api_key: str | None = Field(description="The public part of the key; null where keys are switched off.")
    scope: str
    collections: list[str] | None
    partition: str | None
    source_roots: list[str] | None


class Diagnosis(Answer):
    """One thing that the doctor looked at."""

    subject: str
    verdict: Literal["ok", "problem", "unknown"]
    found: str
    todo: str = Field(description="What to do; empty where all is well.")


class Report(Answer):
    """What the doctor found; what cannot be told makes nobody ill."""

    healthy: bool
    diagnoses: list[Diagnosis]
