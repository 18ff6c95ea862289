"""What the API answers, as frozen dataclasses: collections, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import Any, Self

from imagesearch_client.fields import Fields
from imagesearch_client.galleries import Gallery, Tile


@dataclass(frozen=True, slots=True)
class Collection:
    """Describe one collection of pictures."""

    name: str
    images: int
    """Rows in state indexed."""
    vectors: int | None
    """Vectors in the vector store; None where the list leaves them uncounted."""
    network: str | None
    """Name of the network that its pictures go through; an older API does not tell these three."""
    dimension: int | None
    """Numbers of a vector."""
    input_side: int | None
    """Height and width in pixels of what the network sees."""
    model: str | None
    """That network with the pooling and weights whose vectors are inside; None while the collection is empty."""
    fingerprint: str | None
    """Network and preprocessing together: vectors of two fingerprints cannot be compared."""
    index_type: str | None
    index_params: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    created_at: datetime | None
    aliases: tuple[str, ...] = ()
    """Further names of it; left out of lists."""
    images_capped: bool = False
    """Whether there may be more images: those of one partition are counted up to 10,000."""
    pipeline: str | None = None
    """Name of the pipeline; None where its options are none of the presets, or the API is an older one."""
    pooling: str | None = None
    """How the network's last feature map becomes a vector: max, avg or gem."""
    bands: Mapping[str, float] | None = None
    """The greatest distances that are called same, near and similar; None where nothing was measured."""
    etag: str | None = None
    """Its version, for `if_match`; None where it is one of a list."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a collection from JSON. Raises ProtocolError."""
        fields = Fields(value, "a collection")
        return cls(
            name=fields.text("name"),
            images=fields.integer("images"),
            vectors=fields.optional_integer("vectors"),
            network=fields.optional_text("network"),
            dimension=fields.optional_integer("dimension"),
            input_side=fields.optional_integer("input_side"),
            model=fields.optional_text("model"),
            fingerprint=fields.optional_text("fingerprint"),
            index_type=fields.optional_text("index_type"),
            index_params=fields.mapping("index_params"),
            preprocessing=fields.mapping("preprocessing"),
            pipeline=fields.optional_text("pipeline"),
            pooling=fields.optional_text("pooling"),
            bands=_bands(fields),
            created_at=fields.optional_time("created_at"),
            aliases=tuple(map(str, fields.items("aliases"))) if "aliases" in fields else (),
            images_capped=fields.flag("images_capped"),
        )


def _bands(collection: Fields) -> dict[str, float] | None:
    if "bands" not in collection:
        return None
    limits = Fields(collection.mapping("bands"), "the bands of a collection")
    return {name: limits.number(name) for name in ("same", "near", "similar")}


@dataclass(frozen=True, slots=True)
class Alias:
    """Name a collection once more."""

    alias: str
    collection: str
    etag: str | None = None
    """Its version, for `if_match`; None where it is one of a list."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read an alias from JSON. Raises ProtocolError."""
        fields = Fields(value, "an alias")
        return cls(alias=fields.text("alias"), collection=fields.text("collection"))


@dataclass(frozen=True, slots=True)
class Image:
    """Describe one indexed picture."""

    id: int
    path: str
    collection: str | None
    url: str | None
    state: str | None
    sha256: str | None
    size_bytes: int | None
    width: int | None
    height: int | None
    format: str | None
    partition: str | None
    """User, tenant or album; empty where it has none."""
    indexed_at: datetime | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    """Your own id of it."""
    vector: tuple[float, ...] | None = None
    """Where `include` asked for it."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a picture from JSON. Raises ProtocolError."""
        fields = Fields(value, "an image")
        return cls(
            vector=tuple(map(float, fields.items("vector"))) if "vector" in fields else None,
            key=fields.optional_text("key"),
            id=fields.integer("id"),
            path=fields.text("path"),
            collection=fields.optional_text("collection"),
            url=fields.optional_text("url"),
            state=fields.optional_text("state"),
            sha256=fields.optional_text("sha256"),
            size_bytes=fields.optional_integer("bytes"),
            width=fields.optional_integer("width"),
            height=fields.optional_integer("height"),
            format=fields.optional_text("format"),
            partition=fields.optional_text("partition"),
            indexed_at=fields.optional_time("indexed_at"),
            metadata=fields.mapping("metadata"),
        )

    def _repr_html_(self) -> str:
        return Gallery((Tile.linked(self.url, self.path),))._repr_html_()


@dataclass(frozen=True, slots=True)
class ShownImage(Image):
    """Describe one picture that was asked for by itself."""

    job: str | None = None
    """The newest job that indexed it; None where that is none of the last of its collection."""
    etag: str | None = None
    """Its version, for `if_match`."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a picture from JSON. Raises ProtocolError."""
        image = Image.parse(value)
        known = {each.name: getattr(image, each.name) for each in dataclass_fields(image)}
        return cls(**known, job=Fields(value, "an image").optional_text("job"))


@dataclass(frozen=True, slots=True)
class WrittenImage:
    """Describe a picture that was added or changed."""

    image: Image
    searchable_at: datetime | None
    """When searches began to see it as it is; None while the job goes on."""
    job: str | None
    """The job that wrote it; None where there was nothing to write."""
    etag: str | None = None
    """The picture's version, for `if_match`."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a written picture from JSON. Raises ProtocolError."""
        fields = Fields(value, "a written image")
        job = fields.identifier("job") if "job" in fields else None
        return cls(Image.parse(value), fields.optional_time("searchable_at"), job)


@dataclass(frozen=True, slots=True)
class Deletion:
    """Tell what a deletion of several pictures did."""

    deleted: int
    missing: tuple[int | str, ...]
    """Ids or paths that were asked for and are not there."""
    next: str | None = None
    """Where to go on, if the API's time was up before it had looked at all pictures."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a deletion from JSON. Raises ProtocolError."""
        fields = Fields(value, "a deletion")
        following = fields.optional_text("next") if "next" in fields else None
        return cls(fields.integer("deleted"), tuple(fields.items("missing")), following)
