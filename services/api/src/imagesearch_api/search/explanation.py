"""Tell where in two pictures their similarity comes from: one more forward pass, for who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np

from imagesearch.access.tenants import Owner
from imagesearch.catalog import tenants
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.collections import mismatch_reason
from imagesearch.catalog.images import Image
from imagesearch.errors import Conflict, ConflictCode, NotFound, PictureRejected, PipelineMismatch
from imagesearch.failures import FailureCode
from imagesearch.pictures.decode import Picture
from imagesearch.pictures.heat import beside_each_other, fitted_size, heat_over, overlay
from imagesearch.query_contract import ExplainedCells, ExplainPixels, unpack_cells
from imagesearch_api.errors import QueryRejected, of_query
from imagesearch_api.limits import HEAT_SIZE
from imagesearch_api.pictures import FileChanged, Pictures
from imagesearch_api.search.embedding import Embedding, Sample, check_workers, preprocessing_of, queue_of
from imagesearch_api.search.ports import Search
from imagesearch_api.search.query_vectors import reader_of, resolved_paths, rows_of
from imagesearch_api.search.question import Explain, Query, Side
from imagesearch_api.search.regions import Heat, Regions
from imagesearch_api.search.timings import Timings


def explain(
    ports: Search,
    collection: Collection | None,
    samples: Sequence[Sample],
    timings: Timings,
    *,
    wanted: Explain,
    partition: str | None,
) -> Regions:
    """Tell where in two pictures their similarity comes from, as the pipeline of a collection sees them.

    Args:
        ports: the stores.
        collection: whose pipeline, and whose mean is taken away; None takes the default pipeline and no mean.
        samples: how to read the two.
        timings: where the time goes.
        wanted: what is told.
        partition: the only one that the caller may know of.

    Raises:
        Busy: there is no memory for a picture in time.
        Conflict: the network shows no feature maps.
        PipelineMismatch: the workers run another network than the collection's.
        QueryRejected: a picture cannot be used.
        QueryTimeout: no extractor answered in time: searches come first.
        StoreUnavailable: a store does not answer.
    """
    preview = HEAT_SIZE if wanted == "picture" else None
    pictures = [_decoded(ports.embedding, collection, sample, preview, timings) for sample in samples]
    with timings.measure("mean"):
        mean = (
            ports.means.of(ports.catalog, ports.vectors, collection, partition)
            if collection is not None and collection.model is not None
            else None
        )
    with timings.measure("explain"):
        subtracted = mean.vector.tobytes() if mean is not None and mean.count else b""
        answer = _asked(ports.embedding, collection, pictures, subtracted)
    cells = unpack_cells(answer.cells, answer.height, answer.width)
    with timings.measure("draw"):
        sizes = [fitted_size((each.width, each.height), HEAT_SIZE) for each in pictures]
        heats = [heat_over(its, each.frame, size) for its, each, size in zip(cells, pictures, sizes, strict=True)]
        first, second = (
            Heat(its, each.frame, common, overlay(heat))
            for its, each, common, heat in zip(cells, pictures, answer.common, heats, strict=True)
        )
        previews = [
            each.preview.resize(size)
            for each, size in zip(pictures, sizes, strict=True)
            if each.preview is not None
        ]
        drawn = beside_each_other(previews, heats) if wanted == "picture" else None
    return Regions(answer.similarity, mean.count if mean is not None else 0, (first, second), drawn)


def explain_match(
    ports: Search,
    name: str,
    query: Query,
    found: Image,
    timings: Timings,
    *,
    wanted: Explain,
    owner: Owner,
    partition: str | None = None,
) -> Regions:
    """Tell where the similarity of a query and what a search in a partition found by it comes from.

    The query is the first of the two, and number 0 in errors; what it found is the second.

    Raises:
        NotFound: the collection is gone.
        Busy, Conflict, PipelineMismatch, QueryRejected, QueryTimeout, StoreUnavailable: as `explain` says.
    """
    tenancy = owner.tenancy
    ports = replace(ports, embedding=ports.embedding.of(owner))
    with ports.catalog.reading() as tx:
        collection = tenants.collection(tx, name, tenancy)
        paths, within = resolved_paths([query]), tenancy.partition_of(partition)
        row = rows_of(tx, collection, [query], paths, tenancy, partition=within).get(0)
    pictures = ports.embedding.pictures
    read = reader_of(pictures, query, row) if row is None else unchanged(pictures, 0, row)
    samples = [Sample(0, read, query.box), Sample(1, unchanged(pictures, 1, found))]
    return explain(ports, collection, samples, timings, wanted=wanted, partition=tenancy.partition)


def explain_pair(
    ports: Search,
    sides: tuple[Side, Side],
    rows: Mapping[int, Image],
    collection: Collection | None,
    timings: Timings,
    *,
    wanted: Explain,
    owner: Owner,
) -> Regions:
    """Tell where the similarity of two pictures that were compared comes from.

    Args:
        ports: the stores.
        sides: the two.
        rows: those that are indexed, by their places.
        collection: whose pipeline compares them.
        timings: where the time goes.
        wanted: what is told.
        owner: within whose reach files have to lie.

    Raises:
        Busy, Conflict, PipelineMismatch, QueryRejected, QueryTimeout, StoreUnavailable: as `explain` says.
    """
    ports = replace(ports, embedding=ports.embedding.of(owner))
    pictures = ports.embedding.pictures
    samples = [
        Sample(index, reader_of(pictures, Query(data=side.data), None))
        if side.data is not None
        else Sample(index, unchanged(pictures, index, rows[index]))
        for index, side in enumerate(sides)
    ]
    return explain(ports, collection, samples, timings, wanted=wanted, partition=owner.tenancy.partition)


def unchanged(pictures: Pictures, index: int, image: Image) -> Callable[[ExitStack], bytes]:
    """Return what reads the file of an image, as long as it holds what was indexed."""
    return partial(_unchanged, pictures, index, image)


def _unchanged(pictures: Pictures, index: int, image: Image, taken: ExitStack) -> bytes:
    try:
        return pictures.read_unchanged(image, taken)
    except FileChanged as error:
        reason = f"The file of image {image.id} has changed since it was indexed."
        raise QueryRejected(index, Conflict(reason, ConflictCode.FILE_CHANGED)) from error
    except PictureRejected as error:
        if error.code == FailureCode.IO_ERROR:
            raise
        raise QueryRejected(index, NotFound(f"The file of image {image.id} is no longer there.")) from error


def _decoded(
    embedding: Embedding, collection: Collection | None, sample: Sample, preview: int | None, timings: Timings
) -> Picture:
    with ExitStack() as taken:
        with timings.measure("read"):
            data = sample.bytes_of(taken)
        with timings.measure("decode"), of_query(sample.index):
            return embedding.pictures.decode(data, preprocessing_of(collection), sample.box, preview=preview)


def _asked(
    embedding: Embedding, collection: Collection | None, pictures: Sequence[Picture], mean: bytes
) -> ExplainedCells:
    timeout = embedding.timeout + embedding.timeout_each
    pixels = np.stack([picture.pixels for picture in pictures])
    question = ExplainPixels(
        pixels=pixels.tobytes(),
        side=pixels.shape[1],
        seconds=timeout,
        pooling=preprocessing_of(collection).pooling,
        mean=mean,
    )
    queue = queue_of(collection)
    unanswered = partial(check_workers, embedding.workers, collection, queue)
    answer = embedding.queries.ask(queue, question, timeout, unanswered=unanswered)
    if collection is not None and collection.model is not None and answer.model != collection.model:
        raise PipelineMismatch(mismatch_reason(collection, answer.model))
    if not answer.height:
        raise Conflict(
            "The network shows no feature maps, so that nothing can be explained.", ConflictCode.NOT_EXPLAINABLE
        )
    return answer
