"""Find the vector of each query: given, stored, or of a picture that has to be embedded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import numpy as np

from imagesearch.access.tenants import Tenancy
from imagesearch.catalog import images, own_keys
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.states import ImageState
from imagesearch.contract import Vectors
from imagesearch.errors import Conflict, ConflictCode, NotFound
from imagesearch.files.paths import canonical
from imagesearch.vectors import VectorStore
from imagesearch_api.errors import QueryRejected, VectorRejected
from imagesearch_api.pictures import Pictures
from imagesearch_api.search.embedding import Embedding, Sample, embed, pixels_of
from imagesearch_api.search.question import Query
from imagesearch_api.search.stored_vectors import stored_vectors
from imagesearch_api.search.timings import Timings


def vectors_of(
    catalog: Catalog,
    vectors: VectorStore,
    embedding: Embedding,
    collection: Collection,
    queries: Sequence[Query],
    *,
    rows: Mapping[int, Image],
    timings: Timings,
) -> Vectors | None:
    """Return one vector a query as float32[n, dimension]; None where the collection has nothing to compare with.

    Raises:
        QueryRejected: a picture, a URL or a box cannot be used, or a vector is of another dimension.
        Busy: there is no memory for a picture in time.
        PipelineMismatch: the workers run another network than the collection's.
        QueryTimeout: no extractor answered in time.
        StoreUnavailable: a store does not answer.
    """
    found: dict[int, Vectors] = {
        index: query.vector for index, query in enumerate(queries) if query.vector is not None
    }
    for index, vector in found.items():
        if len(vector) != collection.dimension:
            raise QueryRejected(index, VectorRejected(len(vector), collection.dimension))
    stored = {index: row for index, row in rows.items() if queries[index].box is None}
    if stored:
        with timings.measure("fetch"):
            by_id = stored_vectors(catalog, vectors, collection, stored.values())
            if missing := [index for index, row in stored.items() if row.id not in by_id]:
                image_id = stored[missing[0]].id
                raise QueryRejected(missing[0], NotFound(f"Image {image_id} has just been deleted."))
            found |= {index: by_id[row.id] for index, row in stored.items()}
    samples = {}
    for index, query in enumerate(queries):
        if index not in found:
            bytes_of = reader_of(embedding.pictures, query, rows.get(index))
            samples[index] = Sample(index, bytes_of, query.box, is_at_hand=query.data is not None)
    if collection.model is None:
        # A bad picture is an error also where nothing can be found.
        for sample in samples.values():
            with ExitStack() as taken:
                pixels_of(embedding, collection.preprocessing, sample, sample.bytes_of(taken))
        return None
    if samples:
        made = embed(embedding, collection, list(samples.values()), timings)
        found |= dict(zip(samples, made, strict=True))
    return np.stack([found[index] for index in range(len(queries))])


def resolved_paths(queries: Sequence[Query]) -> dict[str, str]:
    """Return the one form of each path that queries name."""
    return {query.path: canonical(query.path) for query in queries if query.path is not None}


def rows_of(
    tx: Transaction,
    collection: Collection,
    queries: Sequence[Query],
    resolved: Mapping[str, str],
    tenancy: Tenancy,
    *,
    partition: str | None,
) -> dict[int, Image]:
    """Return the images that queries name, by the queries' places; a path may be any name of its file.

    A key is looked for in the partition that is asked for, or in all of them.

    Raises:
        QueryRejected: one of them is not indexed in the collection, or not within the key's reach.
    """
    ids = {index: query.image_id for index, query in enumerate(queries) if query.image_id is not None}
    paths = {index: query.path for index, query in enumerate(queries) if query.path is not None}
    by_id = images.indexed_by_ids(tx, ids.values()) if ids else {}
    by_path = images.indexed_by_paths(tx, collection.id, [*resolved, *resolved.values()]) if paths else {}
    rows: dict[int, Image] = {}
    for index, image_id in ids.items():
        row = by_id.get(image_id)
        if row is None or row.collection_id != collection.id or not tenancy.holds_partition(row.partition):
            raise QueryRejected(index, NotFound(f"No image {image_id} is indexed in {collection.name!r}."))
        rows[index] = row
    for index, path in paths.items():
        row = by_path.get(path) or by_path.get(resolved[path])
        if row is None or not tenancy.holds_partition(row.partition):
            raise QueryRejected(index, NotFound(f"No image of that path is indexed in {collection.name!r}."))
        rows[index] = row
    own = {index: query.own_key for index, query in enumerate(queries) if query.own_key is not None}
    by_key = own_keys.holders(tx, collection.id, own.values(), partition) if own else {}
    for index, own_key in own.items():
        indexed = [row for row in by_key.get(own_key, ()) if row.state == ImageState.INDEXED]
        if not indexed:
            raise QueryRejected(index, NotFound(f"No image of that key is indexed in {collection.name!r}."))
        if len(indexed) > 1:
            raise QueryRejected(
                index,
                Conflict(
                    "Images of several partitions have that key; name the partition.", ConflictCode.KEY_AMBIGUOUS
                ),
            )
        rows[index] = indexed[0]
    return rows


def reader_of(pictures: Pictures, query: Query, row: Image | None) -> Callable[[ExitStack], bytes]:
    """Return what reads the picture that a query is by; `row` is the image that it names."""
    if query.data is not None:
        data = query.data
        return lambda _: data
    if query.url is not None:
        return partial(pictures.fetch, query.url)
    assert row is not None  # noqa: S101 - the query is by an image, and those were all found
    return partial(pictures.read, row.path)
