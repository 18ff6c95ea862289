"""What is answered about collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import Field

from imagesearch.bands import Bands
from imagesearch.catalog.collection import Collection as Stored
from imagesearch.pipeline import Preset
from imagesearch_api.models.responses.base import Answer, Anything, Count, Distance, Moment, Page, moment


class BandLimits(Answer):
    """The greatest distance of each band, as measured for a pipeline with trained weights."""

    same: Distance
    near: Distance
    similar: Distance

    @classmethod
    def of(cls, bands: Bands) -> Self:
        """Return what is answered of bands."""
        return cls(same=bands.same, near=bands.near, similar=bands.similar)


class Collection(Answer):
    """A collection, and what it was built with.

    Images of one partition alone, for a key that is bound to it, are counted up to 10,000: ``images_capped`` says
    that there may be more.
    """

    name: str
    aliases: list[str]
    network: str
    dimension: Count
    input_side: Count
    metric: str
    model: str | None = Field(description="Its network with its pooling and weights; null while it is empty.")
    fingerprint: str | None
    pipeline: Preset | None = Field(
        description="Name of its pipeline; null where its options are none of the presets."
    )
    pooling: str
    bands: BandLimits | None = Field(description="null where nothing was measured for its pipeline.")
    preprocessing: Anything
    index_type: str
    index_params: Anything
    images: Count
    images_capped: bool
    vectors: Count | None
    created_at: Moment

    @classmethod
    def of(
        cls,
        collection: Stored,
        images: int,
        vectors: int | None,
        aliases: Sequence[str] = (),
        *,
        images_capped: bool = False,
    ) -> Self:
        """Return what is answered about a collection; `vectors` is None where they are not counted."""
        return cls(
            name=collection.name,
            aliases=list(aliases),
            network=collection.network,
            dimension=collection.dimension,
            input_side=collection.preprocessing.side,
            metric=collection.metric,
            model=collection.pooled_model,
            fingerprint=collection.fingerprint,
            pipeline=collection.preset,
            pooling=collection.pooling,
            bands=BandLimits.of(collection.bands) if collection.bands is not None else None,
            preprocessing=collection.preprocessing.to_dict(),
            index_type=collection.index_type,
            index_params=dict(collection.index_params),
            images=images,
            images_capped=images_capped,
            vectors=vectors,
            created_at=moment(collection.created_at),
        )


class Alias(Answer):
    """A further name of a collection."""

    alias: str
    collection: str
    created_at: Moment


class Partition(Answer):
    """A part of a collection; the empty name is that of images without one."""

    name: str


class PartitionPage(Page[Partition]):
    """One page of partitions, by name."""


class CollectionPage(Page[Collection]):
    """One page of collections."""


class AliasPage(Page[Alias]):
    """One page of aliases, by name."""
