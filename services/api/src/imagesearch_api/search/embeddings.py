"""Make the vectors of pictures that nobody keeps: in a collection's pipeline, within the bounds of searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from imagesearch.access.tenants import Owner
from imagesearch.catalog import tenants
from imagesearch.contract import Vectors
from imagesearch.pipeline import pooled_model
from imagesearch_api.errors import of_query
from imagesearch_api.search.embedding import Sample, check_direction, embed, infer, pixels_of
from imagesearch_api.search.ports import Search
from imagesearch_api.search.timings import Timings


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Hold vectors as float32[n, dimension], and the identity of the network that made them."""

    model: str
    vectors: Vectors


def embed_pictures(
    ports: Search, name: str, pictures: Sequence[bytes], timings: Timings, owner: Owner
) -> Embedded:
    """Return the vectors that pictures would have in a collection; nothing is stored.

    Raises:
        Busy: there is no memory for a picture in time.
        NotFound: there is no such collection.
        QueryRejected: a picture cannot be used.
        PipelineMismatch: the workers run another network than the collection's.
        QueryTimeout: no extractor answered in time.
        StoreUnavailable: a store does not answer.
    """
    with timings.measure("catalogue"), ports.catalog.reading() as tx:
        collection = tenants.collection(tx, name, owner.tenancy)
    embedding = ports.embedding.of(owner)
    samples = [Sample(index, _reader(data), is_at_hand=True) for index, data in enumerate(pictures)]
    if collection.model is not None:
        vectors = embed(embedding, collection, samples, timings)
        return Embedded(pooled_model(collection.model, collection.preprocessing), vectors)
    # Any weights will do for a collection without vectors; the answer says which they were.
    with timings.measure("decode"), ExitStack() as taken:
        pixels = [
            pixels_of(embedding, collection.preprocessing, sample, sample.bytes_of(taken)) for sample in samples
        ]
    with timings.measure("extract"):
        model, vectors = infer(embedding, collection, pixels)
    for index, vector in enumerate(vectors):
        with of_query(index):
            check_direction(vector)
    return Embedded(pooled_model(model, collection.preprocessing), vectors)


def _reader(data: bytes) -> Callable[[ExitStack], bytes]:
    return lambda _: data
