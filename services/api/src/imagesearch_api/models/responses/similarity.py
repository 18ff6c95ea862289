"""What is answered about duplicates, and about two pictures compared."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema

from imagesearch.bands import Band
from imagesearch.catalog.images import Image
from imagesearch.similarity import DISTANCE_DECIMALS, Group
from imagesearch_api.models.responses.base import Answer, Count, Distance, Id, Link, Milliseconds, Page
from imagesearch_api.search.regions import Heat as FoundHeat
from imagesearch_api.search.regions import Regions as FoundRegions


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


Grid = Annotated[
    list[list[float]], WithJsonSchema({"type": "array", "items": {"type": "array", "items": {"type": "number"}}})
]
Png = Annotated[
    str, WithJsonSchema({"type": "string", "format": "uri", "examples": ["data:image/png;base64,..."]})
]


class Heat(Answer):
    """Where in one picture a similarity comes from."""

    cells: Grid = Field(
        description="Rows of the last feature map. They sum to `similarity` less `common`; what is above zero "
        "makes the two alike."
    )
    common: float = Field(description="What the picture has in common with the mean of the collection's pictures.")
    frame: Annotated[list[float], Field(min_length=4, max_length=4)] = Field(
        description="Left, top, right and bottom of the cells, in fractions of the upright picture; they may "
        "reach beyond it."
    )
    overlay: Png = Field(description="To be laid over the upright picture; transparent where nothing is alike.")

    @classmethod
    def of(cls, heat: FoundHeat) -> Self:
        """Return what is answered about one picture."""
        frame = heat.frame
        return cls(
            cells=[[round(float(cell), DISTANCE_DECIMALS) for cell in row] for row in heat.cells],
            common=round(heat.common, DISTANCE_DECIMALS),
            frame=[round(edge, 4) for edge in (frame.left, frame.top, frame.right, frame.bottom)],
            overlay=_data_url(heat.overlay),
        )


class Regions(Answer):
    """Where in two pictures their similarity comes from; of a search, `a` is the query and `b` the result."""

    similarity: float = Field(description="The cosine of the two vectors, which is 1 - distance.")
    mean_of: Count = Field(
        description="How many vectors, spread over the collection, the mean was taken of; 0 took nothing away."
    )
    a: Heat
    b: Heat
    picture: Png = Field(default="", description="Both, with the heat over them.")

    @classmethod
    def of(cls, regions: FoundRegions) -> Self:
        """Return what is answered about two pictures."""
        a, b = map(Heat.of, regions.sides)
        drawn = {} if regions.picture is None else {"picture": _data_url(regions.picture)}
        similarity = round(regions.similarity, DISTANCE_DECIMALS)
        return cls(similarity=similarity, mean_of=regions.mean_of, a=a, b=b, **drawn)


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


class Comparison(Answer):
    """How far two pictures lie from each other, and whether their files hold the same bytes."""

    distance: Distance
    band: Band | None = Field(
        description="null where they are farther apart than similar pictures, or where nothing was measured for "
        "the pipeline."
    )
    same_content: bool
    took_ms: Milliseconds
    regions: Regions | None = None


class DuplicateGroupPage(Page[DuplicateGroup]):
    """One page of groups, by the id of the picture that each began with.

    Groups of an untrained network mean little: all distances are small.
    """

    max_distance: Distance
    untrained: bool | None = Field(description="null where no worker that knows it is alive.")
