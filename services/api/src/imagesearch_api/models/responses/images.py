"""What is answered about single images."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, WithJsonSchema

from imagesearch.catalog import images
from imagesearch.catalog.states import ImageState
from imagesearch.contract import Vectors
from imagesearch_api.models.responses.base import (
    Answer,
    Anything,
    Count,
    Id,
    JobId,
    Link,
    Moment,
    Page,
    Vector,
    moment,
)

State = Annotated[str, WithJsonSchema({"enum": [str(state) for state in ImageState]})]


class Image(Answer):
    """An image and what is known of its file; what only indexing tells is null before."""

    id: Id
    collection: str
    path: str
    key: str | None = Field(description="Your own id of it; null where it was given none.")
    url: Link
    state: State
    sha256: str | None
    bytes: Count | None
    width: Count | None
    height: Count | None
    format: str | None
    partition: str
    metadata: Anything
    indexed_at: Moment | None
    created_at: Moment
    vector: Vector = Field(default_factory=list)

    @classmethod
    def of(cls, image: images.Image, collection: str, url: str, vector: Vectors | None = None) -> Self:
        """Return what is answered about an image whose file lies at a URL; with its vector, if that is given."""
        return cls(**_fields(image, collection, url, vector))


def _fields(image: images.Image, collection: str, url: str, vector: Vectors | None = None) -> dict[str, Any]:
    more = {} if vector is None else {"vector": vector.tolist()}
    return more | {
        "id": image.id,
        "collection": collection,
        "path": image.path,
        "key": image.own_key,
        "url": url,
        "state": image.state,
        "sha256": image.sha256,
        "bytes": image.size_bytes,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "partition": image.partition,
        "metadata": image.metadata,
        "indexed_at": moment(image.indexed_at) if image.indexed_at else None,
        "created_at": moment(image.created_at),
    }


class ShownImage(Image):
    """An image, and the job that it came by."""

    job: JobId | None = Field(
        description="The newest job that indexed it; null where that is none of the last of its collection."
    )

    @classmethod
    def shown(
        cls, image: images.Image, collection: str, url: str, job: str | None, vector: Vectors | None = None
    ) -> Self:
        """Return what is answered about an image that `job` indexed; with its vector, if that is given."""
        return cls(**_fields(image, collection, url, vector), job=job)


class WrittenImage(Image):
    """An image that was added or changed."""

    searchable_at: Moment | None = Field(
        description="When searches began to see it as it is; null while the job goes on."
    )
    job: JobId | None

    @classmethod
    def written(
        cls, image: images.Image, collection: str, url: str, *, searchable_at: datetime | None, job: str | None
    ) -> Self:
        """Return what is answered about an image that was added or changed."""
        since = moment(searchable_at) if searchable_at else None
        return cls(**_fields(image, collection, url), searchable_at=since, job=job)


class Deletion(Answer):
    """What a deletion of several images did; with `next` it goes on from there."""

    deleted: Count
    missing: list[Id | str]
    next: str = ""


class ImagePage(Page[Image]):
    """One page of images, by id."""
