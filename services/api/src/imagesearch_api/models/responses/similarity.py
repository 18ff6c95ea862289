"""What is answered about duplicates, and about two pictures compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field

from imagesearch.bands import Band
from imagesearch.catalog.images import Image
from imagesearch.similarity import Group
from imagesearch_api.models.responses.base import Answer, Count, Distance, Id, Link, Milliseconds, Page


class Duplicate(Answer):
    """A picture of a group, and how far it lies from the nearest other one."""

    id: Id
    path: str
    url: Link
    distance: Distance
    sha256: str | None
    bytes: Count | None
    width: Count | None
    height: Count | None
    partition: str

    @classmethod
    def of(cls, image: Image, distance: float, url: str) -> Self:
        """Return what is answered about a picture of a group."""
        return cls(
            id=image.id,
            path=image.path,
            url=url,
            distance=distance,
            sha256=image.sha256,
            bytes=image.size_bytes,
            width=image.width,
            height=image.height,
            partition=image.partition,
        )


class DuplicateGroup(Answer):
    """Pictures that are alike from one to the next: ``exact`` where all files hold the same bytes.

    None lies further from the one that the group began with than four times the distance asked for.
    """

    id: Id
    kind: Literal["exact", "near"]
    images: list[Duplicate]

    @classmethod
    def of(cls, group: Group, rows: Mapping[int, Image], urls: Mapping[int, str]) -> Self:
        """Return what is answered about a group, given the rows and URLs of its pictures."""
        is_exact = len({rows[image_id].sha256 for image_id in group.members}) == 1
        images = [
            Duplicate.of(rows[image_id], distance, urls[image_id]) for image_id, distance in group.members.items()
        ]
        return cls(id=group.id, kind="exact" if is_exact else "near", images=images)


class Comparison(Answer):
    """How far two pictures lie from each other, and whether their files hold the same bytes."""

    distance: Distance
    band: Band | None = Field(
        description="null where they are farther apart than similar pictures, or where nothing was measured for "
        "the pipeline."
    )
    same_content: bool
    took_ms: Milliseconds


class DuplicateGroupPage(Page[DuplicateGroup]):
    """One page of groups, by the id of the picture that each began with.

    Groups of an untrained network mean little: all distances are small.
    """

    max_distance: Distance
    untrained: bool | None = Field(description="null where no worker that knows it is alive.")
