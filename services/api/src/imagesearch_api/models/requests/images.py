"""Bodies about single images: uploads, changes, deletions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from imagesearch_api.limits import MAX_DIRECTORIES, MAX_IMAGES
from imagesearch_api.models.requests.base import Body, ImageId, Metadata, Partition, Path, WrongField, exactly_one
from imagesearch_api.models.requests.search import FilterField


class UploadBody(Body):
    """What an upload says about its picture."""

    partition: Partition | None = None
    metadata: Metadata = None


class PathBody(Body):
    """What names one image by its path."""

    path: Path


class FilterBody(Body):
    """What restricts a list of images by their metadata."""

    filter: FilterField


class ImagePatch(Body):
    """What PATCH of an image takes: a merge patch of its metadata (null removes all of it), and a partition."""

    metadata: Annotated[dict[str, Any] | None, Field(description="A JSON merge patch, RFC 7396.")] = None
    partition: Partition | None = None

    @property
    def empties(self) -> bool:
        """Tell whether all metadata is to be removed."""
        return self.metadata is None and "metadata" in self.model_fields_set


class DeletionBody(Body):
    """What POST .../images/delete takes: ids, or paths, or a filter and a partition."""

    model_config = ConfigDict(json_schema_extra=exactly_one("ids", "paths", "filter partition"))

    ids: Annotated[list[ImageId], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)] | None = None
    paths: Annotated[list[Path], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)] | None = None
    filter: FilterField | None = None
    partition: Partition | None = None
    cursor: Annotated[
        str | None,
        Field(pattern=r"^[0-9]{1,18}$", description="`next` of the deletion that this one goes on with."),
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> DeletionBody:
        by_condition = self.filter is not None or self.partition is not None
        if (self.ids is not None) + (self.paths is not None) + by_condition != 1:
            raise WrongField("body", "exactly one of ids, paths, and filter with or without partition is expected")
        if self.cursor is not None and not by_condition:
            raise WrongField("cursor", "goes on with a deletion by filter or partition")
        if sum(path.count("/") for path in self.paths or ()) > MAX_DIRECTORIES:
            raise WrongField("paths", f"together they may name at most {MAX_DIRECTORIES} directories")
        return self
