"""Bodies about jobs and repairs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from imagesearch.catalog.jobs import Selection
from imagesearch.contract import JobState
from imagesearch.path_rules import MAX_CHARACTERS, PathRule
from imagesearch_api.limits import MAX_PATHS
from imagesearch_api.models.requests.base import (
    BRANCH,
    Body,
    CallbackUrl,
    CollectionName,
    Facts,
    Metadata,
    Moment,
    Partition,
    Path,
)


class PathList(Body):
    """A job's source as a list."""

    paths: Annotated[list[Path], Field(min_length=1, max_length=MAX_PATHS, fail_fast=True)]


class ManifestFile(Body):
    """A job's source as a file that lists pictures: JSON lines or CSV with path, partition and metadata."""

    manifest: Path


def _kind_of(source: Any) -> str:
    if not isinstance(source, dict):
        return f"{BRANCH}path"
    return f"{BRANCH}manifest" if "manifest" in source else f"{BRANCH}list"


Source = Annotated[
    Annotated[Path, Tag(f"{BRANCH}path")]
    | Annotated[PathList, Tag(f"{BRANCH}list")]
    | Annotated[ManifestFile, Tag(f"{BRANCH}manifest")],
    Discriminator(_kind_of),
]
"""What is wrong is told of the kind that was meant, and of no other."""


def _rule(text: str) -> str:
    PathRule.parse(text)
    return text


class JobBody(Body):
    """What POST /jobs takes."""

    source: Source
    collection: CollectionName = "default"
    recursive: bool = True
    partition: Partition | None = None
    metadata: Metadata = None
    facts: Facts = Field(default_factory=list)
    metadata_from_path: Annotated[str, Field(max_length=MAX_CHARACTERS), AfterValidator(_rule)] | None = None
    prune: bool = False
    callback_url: CallbackUrl | None = None


def _states(raw: object) -> object:
    return raw.split(",") if isinstance(raw, str) else raw


StateName = Annotated[JobState, Field(strict=False)]


class JobsQuery(Body):
    """What the query of GET /jobs may restrict the list to."""

    state: Annotated[list[StateName], BeforeValidator(_states)] = Field(default_factory=list)
    collection: CollectionName | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None

    def selection(self) -> Selection:
        """Return which jobs are wanted."""
        return Selection(frozenset(self.state), self.collection, self.created_after, self.created_before)


class ReconcileBody(Body):
    """What POST /admin/reconcile takes."""

    dry_run: bool = Field(default=False)
