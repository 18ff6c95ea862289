"""Bodies about single images: uploads, changes, deletions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from imagesearch.catalog.constants import MAX_PATH_BYTES
from imagesearch.catalog.image_listing import ImageSelection
from imagesearch.catalog.states import ImageState
from imagesearch_api.limits import MAX_DIGESTS, MAX_DIRECTORIES, MAX_IMAGES
from imagesearch_api.models.requests.base import (
    Body,
    Facts,
    ImageId,
    Metadata,
    Moment,
    OwnKey,
    Partition,
    Path,
    Text,
    WrongField,
    comma_separated,
    exactly_one,
)
from imagesearch_api.models.requests.search import FilterField


class UploadBody(Body):
    """What an upload says about its picture."""

    partition: Partition | None = None
    metadata: Metadata = None
    facts: Facts = Field(default_factory=list)
    key: OwnKey | None = None


Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class FindBody(Body):
    """What POST .../images/find takes: digests of files, of which some may have been uploaded."""

    sha256: Annotated[
        list[Digest],
        Field(min_length=1, max_length=MAX_DIGESTS, fail_fast=True, description="Of the whole files, SHA-256."),
    ]
    partition: Partition | None = None


class NameBody(Body):
    """What names one image in a query: its path, or its key, and the partition that the key is of."""

    path: Path | None = None
    key: OwnKey | None = None
    partition: Partition | None = None

    @model_validator(mode="after")
    def _one_name(self) -> NameBody:
        if (self.path is None) == (self.key is None):
            raise WrongField("path", "either the path of an image or its key is expected in the query")
        return self


class KeyQuery(Body):
    """What names one image in a query by its key."""

    key: OwnKey
    partition: Partition | None = None


StateName = Annotated[ImageState, Field(strict=False)]
IncludeVector = Annotated[list[Literal["vector"]], BeforeValidator(comma_separated), Field(max_length=8)]


class ImagesQuery(Body):
    """What the query of GET .../images may restrict the list to, and what it shows."""

    state: Annotated[list[StateName], BeforeValidator(comma_separated)] = Field(default_factory=list)
    partition: Partition | None = None
    key: OwnKey | None = None
    path_prefix: Path | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    filter: FilterField | None = None
    include: IncludeVector = Field(default_factory=list)
    cursor: Annotated[Text, Field(min_length=1, max_length=MAX_PATH_BYTES)] | None = None

    def selection(self, partition: str | None) -> ImageSelection:
        """Return which images are wanted, in the partition that the caller is restricted to."""
        return ImageSelection(
            states=frozenset(self.state or [ImageState.INDEXED]),
            partition=partition,
            own_key=self.key,
            path_prefix=self.path_prefix,
            created_after=self.created_after,
            created_before=self.created_before,
            where=self.filter,
        )


class ImageQuery(Body):
    """What the query of GET of an image shows of it."""

    include: IncludeVector = Field(default_factory=list)


class ImagePatch(Body):
    """What PATCH of an image takes: a merge patch of its metadata (null removes all of it), and a partition."""

    metadata: Annotated[dict[str, Any] | None, Field(description="A JSON merge patch, RFC 7396.")] = None
    partition: Partition | None = None
    key: OwnKey | None = None

    @property
    def empties(self) -> bool:
        """Tell whether all metadata is to be removed."""
        return self.metadata is None and "metadata" in self.model_fields_set


class DeletionBody(Body):
    """What POST .../images/delete takes: ids, paths, keys, or a filter; the last two perhaps of a partition."""

    model_config = ConfigDict(json_schema_extra=exactly_one("ids", "paths", "keys filter partition"))

    ids: Annotated[list[ImageId], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)] | None = None
    paths: Annotated[list[Path], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)] | None = None
    keys: Annotated[list[OwnKey], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)] | None = None
    filter: FilterField | None = None
    partition: Partition | None = None
    dry_run: Annotated[bool, Field(description="Only tell what would be deleted.")] = False
    cursor: Annotated[
        str | None,
        Field(pattern=r"^[0-9]{1,18}$", description="`next` of the deletion that this one goes on with."),
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> DeletionBody:
        by_condition = self.filter is not None or (self.partition is not None and self.keys is None)
        given = (self.ids is not None) + (self.paths is not None) + (self.keys is not None) + by_condition
        if given != 1 or (self.partition is not None and self.ids is not None):
            rule = "exactly one of ids, paths, keys, and filter is expected, the last two perhaps with partition"
            raise WrongField("body", rule)
        if self.cursor is not None and not by_condition:
            raise WrongField("cursor", "goes on with a deletion by filter or partition")
        if sum(path.count("/") for path in self.paths or ()) > MAX_DIRECTORIES:
            raise WrongField("paths", f"together they may name at most {MAX_DIRECTORIES} directories")
        return self
