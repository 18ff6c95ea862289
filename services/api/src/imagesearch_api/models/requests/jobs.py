"""Bodies about jobs and repairs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imagesearch_api.limits import MAX_PATHS
from imagesearch_api.models.requests.base import Body, CollectionName, Metadata, Partition, Path


class PathList(Body):
    """A job's source as a list."""

    paths: Annotated[list[Path], Field(min_length=1, max_length=MAX_PATHS, fail_fast=True)]


class ManifestFile(Body):
    """A job's source as a file that lists pictures: JSON lines or CSV with path, partition and metadata."""

    manifest: Path


class JobBody(Body):
    """What POST /jobs takes."""

    source: Path | PathList | ManifestFile
    collection: CollectionName = "default"
    recursive: bool = True
    partition: Partition | None = None
    metadata: Metadata = None
    prune: bool = False


class ReconcileBody(Body):
    """What POST /admin/reconcile takes."""

    dry_run: bool = Field(default=False)
