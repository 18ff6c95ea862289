"""Check what is asked of single images: uploads, changes, deletions."""

from __future__ import annotations

from typing import Annotated, Any

from flask import request
from pydantic import ConfigDict, Field, model_validator

from imagesearch_api.http.parsing import parse_json, read_pictures
from imagesearch_api.http.problems import BadField
from imagesearch_api.models.requests import (
    FRAMING_BYTES,
    Body,
    Metadata,
    Partition,
    Path,
    exactly_one,
    expect_form,
    hold_files,
)
from imagesearch_api.models.search import FilterField, ImageId

MAX_IMAGES = 10_000
"""Ids or paths of one deletion."""
MAX_DIRECTORIES = 200_000
"""What the paths of one deletion may name together. Resolving them looks at each, which took 3 us where there was
none: 0.7 s in all, where 10,000 paths of 2,400 bytes took 39 s. It leaves 20 to each of 10,000 paths."""


class UploadBody(Body):
    """What an upload says about its picture."""

    partition: Partition = ""
    metadata: Metadata = None


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
            raise BadField("body", "exactly one of ids, paths, and filter with or without partition is expected")
        if self.cursor is not None and not by_condition:
            raise BadField("cursor", "goes on with a deletion by filter or partition")
        if sum(path.count("/") for path in self.paths or ()) > MAX_DIRECTORIES:
            raise BadField("paths", f"together they may name at most {MAX_DIRECTORIES} directories")
        return self


def read_partition() -> str | None:
    """Return the partition that a list is restricted to; None without one.

    Raises:
        ValidationError: it is not one.
    """
    text = request.args.get("partition")
    return UploadBody.model_validate({"partition": text}).partition if text is not None else None


def read_path() -> str:
    """Return the path that the query names.

    Raises:
        BadField, ValidationError: there is none, or it is not one.
    """
    text = request.args.get("path")
    if text is None:
        raise BadField("path", "the path of an image is expected in the query")
    return _PathBody.model_validate({"path": text}).path


class _PathBody(Body):
    path: Path


def read_upload_form(limit: int) -> tuple[bytes, UploadBody]:
    """Return the picture of a multipart form and what it says about it.

    Raises:
        AtField: the body is no form, status 415.
        BadField, ValidationError: a field breaks its rule.
        Busy: there is no memory for the picture in time.
        RequestEntityTooLarge: the picture is too large.
    """
    expect_form(or_json=False)
    request.max_content_length = limit + FRAMING_BYTES
    hold_files()
    pictures = read_pictures("image", limit)
    if len(pictures) > 1:
        raise BadField("image", "one picture at a time")
    fields: dict[str, Any] = {}
    for name, texts in request.form.lists():
        if len(texts) > 1:
            raise BadField(name, "is given once")
        fields[name] = parse_json(name, texts[0]) if name == "metadata" else texts[0]
    return pictures[0], UploadBody.model_validate(fields)
