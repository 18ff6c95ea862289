"""Compare two pictures: uploaded ones, indexed ones, or one of each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from imagesearch.access.tenants import Owner, Tenancy
from imagesearch.bands import Band
from imagesearch.catalog import collections, images, tenants
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.images import Image
from imagesearch.catalog.states import CollectionState
from imagesearch.contract import Vectors
from imagesearch.errors import NotFound, PipelineMismatch
from imagesearch.similarity import distance_between
from imagesearch_api.errors import QueryRejected, of_query
from imagesearch_api.networks import is_untrained
from imagesearch_api.search.embedding import Sample, check_direction, embed, infer, pixels_of, preprocessing_of
from imagesearch_api.search.ports import Search
from imagesearch_api.search.question import Side
from imagesearch_api.search.stored_vectors import stored_vectors
from imagesearch_api.search.timings import Timings


@dataclass(frozen=True, slots=True)
class Comparison:
    """Tell how far two pictures lie from each other, and whether their files hold the same bytes.

    The band is None where nothing was measured for the pipeline, where its network is untrained, and where no
    collection with vectors says which weights are meant.

    Attributes:
        home: the collection whose pipeline compared them.
        rows: of the indexed ones, by their places.
    """

    distance: float
    band: Band | None
    same_content: bool
    home: Collection | None
    rows: Mapping[int, Image]


def compare(
    ports: Search,
    sides: tuple[Side, Side],
    name: str | None,
    timings: Timings,
    owner: Owner,
) -> Comparison:
    """Compare two pictures by the pipeline of a collection.

    Args:
        ports: the stores.
        sides: the two.
        name: whose pipeline; None takes that of the indexed picture, or the default one where there is none.
        timings: where the time goes.
        owner: within whose reach the collection and the indexed ones have to lie.

    Raises:
        Busy: there is no memory for a picture in time.
        NotFound: there is no such collection.
        QueryRejected: there is no such image, or a picture cannot be used.
        PipelineMismatch: the two cannot be compared: another pipeline made one of them.
        QueryTimeout: no extractor answered in time.
        StoreUnavailable: a store does not answer.
    """
    ports = replace(ports, embedding=ports.embedding.of(owner))
    rows, homes = _indexed(ports, sides, owner.tenancy)
    home = _home(ports, name, homes, owner.tenancy)
    vectors = [_stored(ports, index, homes[index], row) for index, row in rows.items()]
    uploads = {index: side.data for index, side in enumerate(sides) if side.data is not None}
    if uploads:
        vectors += list(_embedded(ports, home, uploads, timings))
    digests = [
        hashlib.sha256(side.data).hexdigest() if side.data is not None else rows[index].sha256
        for index, side in enumerate(sides)
    ]
    distance = distance_between(vectors[0], vectors[1])
    is_same = digests[0] == digests[1]
    return Comparison(distance, _band(ports, home, distance), is_same, home, rows)


def _band(ports: Search, home: Collection | None, distance: float) -> Band | None:
    if home is None or home.model is None or home.bands is None:
        return None
    return None if is_untrained(ports.embedding.workers, home.model) else home.bands.of(distance)


def _indexed(
    ports: Search, sides: tuple[Side, Side], tenancy: Tenancy
) -> tuple[dict[int, Image], dict[int, Collection]]:
    """Return the rows of indexed sides, and their collections, by the places of the sides."""
    wanted = {index: side.image_id for index, side in enumerate(sides) if side.image_id is not None}
    with ports.catalog.reading() as tx:
        found = images.indexed_by_ids(tx, wanted.values()) if wanted else {}
        for index, image_id in wanted.items():
            if image_id not in found:
                raise QueryRejected(index, NotFound(f"There is no indexed image {image_id}."))
        rows = {index: found[image_id] for index, image_id in wanted.items()}
        homes = {index: collections.by_id(tx, row.collection_id) for index, row in rows.items()}
    for index, home in homes.items():
        if home.state != CollectionState.ACTIVE or not tenants.holds(tenancy, home, rows[index]):
            raise QueryRejected(index, NotFound(f"There is no indexed image {wanted[index]}."))
    return rows, homes


def _home(ports: Search, name: str | None, homes: dict[int, Collection], tenancy: Tenancy) -> Collection | None:
    """Return the collection whose pipeline makes both comparable."""
    chosen = next(iter(homes.values()), None)
    if name is not None:
        with ports.catalog.reading() as tx:
            chosen = tenants.collection(tx, name, tenancy)
    for home in homes.values():
        if chosen is not None and home.fingerprint != chosen.fingerprint:
            raise PipelineMismatch(
                f"Vectors of {home.name!r} and {chosen.name!r} were made by different pipelines "
                "and cannot be compared."
            )
    return chosen


def _stored(ports: Search, index: int, home: Collection, row: Image) -> Vectors:
    found = stored_vectors(ports.catalog, ports.vectors, home, [row])
    if row.id not in found:
        raise QueryRejected(index, NotFound(f"There is no indexed image {row.id}."))
    return found[row.id]


def _embedded(ports: Search, home: Collection | None, uploads: dict[int, bytes], timings: Timings) -> Vectors:
    samples = [Sample(index, lambda _, data=data: data, is_at_hand=True) for index, data in uploads.items()]  # type: ignore[misc]
    if home is not None and home.model is not None:
        return embed(ports.embedding, home, samples, timings)
    # No vectors prescribe the weights: any will do, as both go through the same pass.
    preprocessing = preprocessing_of(home)
    with timings.measure("decode"):
        pixels = [pixels_of(ports.embedding, preprocessing, sample, uploads[sample.index]) for sample in samples]
    with timings.measure("extract"):
        _, vectors = infer(ports.embedding, home, pixels)
    for sample, vector in zip(samples, vectors, strict=True):
        with of_query(sample.index):
            check_direction(vector)
    return np.asarray(vectors)
