"""Search a collection for pictures that look like others."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from imagesearch.access.tenants import Owner
from imagesearch.catalog import image_queries, images, naming, tenants
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.contract import Vectors
from imagesearch.errors import NotFound
from imagesearch.vectors import MAX_WINDOW, Hit, matches
from imagesearch_api.errors import NoSuchPartition
from imagesearch_api.search.plan import Plan
from imagesearch_api.search.ports import Search
from imagesearch_api.search.query_vectors import resolved_paths, rows_of, vectors_of
from imagesearch_api.search.question import Question, Shape
from imagesearch_api.search.stored_vectors import stored_vectors
from imagesearch_api.search.timings import Timings

PARTITION = "partition"
"""What groups by partition; a field of the metadata that is called so cannot be grouped by."""
LOOKS = 16
"""Times that a search goes twice as deep: more than enough for any depth. Only rows that others delete in the
same moment keep it looking."""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Pair an image with its distance from the query, 0 (same) to 1.

    Attributes:
        vector: float32[dimension], where it was asked for and is still there.
    """

    image: Image
    distance: float
    vector: Vectors | None = None


def search(
    ports: Search, name: str, question: Question, timings: Timings, owner: Owner, *, plan: Plan | None = None
) -> list[list[Match]]:
    """Return the images of a collection nearest to each query, in the shape that was asked for.

    Where the queries are examples there is one list, of the images nearest to what they make together. `plan` is
    told how the search was done.

    Raises:
        ExamplesRejected: the examples cancel each other out.
        Busy: there is no memory for a picture in time.
        Forbidden: the key is bound to another partition.
        NotFound: there is no such collection.
        NoSuchPartition: it has no image of that partition.
        QueryRejected: a query names an image that is not there, or a picture, box or URL that cannot be used.
        PipelineMismatch: the workers run another network than the collection's.
        QueryTimeout: no extractor answered in time.
        StoreUnavailable: a store does not answer.
    """
    tenancy = owner.tenancy
    shape = replace(question.shape, partition=tenancy.partition_of(question.shape.partition))
    resolved = resolved_paths(question.queries)
    with timings.measure("catalogue"), ports.catalog.reading() as tx:
        collection = tenants.collection(tx, name, tenancy)
        rows = rows_of(tx, collection, question.queries, resolved, tenancy, partition=shape.partition)
    plan = plan or Plan()
    plan.collection = collection
    embedding = ports.embedding.of(owner)
    vectors = vectors_of(
        ports.catalog, ports.vectors, embedding, collection, question.queries, rows=rows, timings=timings
    )
    found: list[list[Match]] = [[] for _ in range(question.searches)]
    if vectors is not None:
        selves = [
            {rows[index].id} if shape.exclude_self and index in rows else set() for index in range(len(vectors))
        ]
        if question.examples is not None:
            vectors, selves = question.examples.vector(vectors), [{row.id for row in rows.values()}]
        found = nearest(ports, collection, vectors, shape, timings, excluded=selves, plan=plan)
    if "vector" in shape.include:
        with timings.measure("fetch"):
            found = _with_vectors(ports, collection, found)
    if question.shape.partition is not None and not any(found):
        _check_partition(ports, collection, question.shape.partition)
    return found


def _with_vectors(ports: Search, collection: Collection, found: list[list[Match]]) -> list[list[Match]]:
    """Return matches with their vectors; one that has just been deleted has none."""
    rows = {match.image.id: match.image for matched in found for match in matched}
    vectors = stored_vectors(ports.catalog, ports.vectors, collection, rows.values(), needs_all=False)
    return [[replace(match, vector=vectors.get(match.image.id)) for match in matched] for matched in found]


def nearest(
    ports: Search,
    collection: Collection,
    vectors: Vectors,
    shape: Shape,
    timings: Timings,
    *,
    excluded: Sequence[Set[int]] = (),
    plan: Plan | None = None,
) -> list[list[Match]]:
    """Return the wanted window of the indexed images nearest to each vector, each with its row.

    With `excluded` each vector has images, by their ids, that are none of its results.

    Vectors that no row names (a delete, a change or a crash in between) are passed over: the search always counts
    from the nearest and goes deeper by as many as were missing, so that no page is short and pages join.

    Groups are looked for among as many hits of all vectors together as one query may have: a field that no image
    has leads to the end.
    """
    excluded = excluded or [frozenset[int]()] * len(vectors)
    deepest = MAX_WINDOW if shape.group_by is None else MAX_WINDOW // max(len(vectors), 1)
    depth = min(shape.window.stop + max(map(len, excluded), default=0), deepest)
    for _ in range(LOOKS):
        with timings.measure("search"):
            try:
                hits = ports.vectors.search(
                    collection.vector_collection,
                    vectors,
                    limit=depth,
                    partition=shape.partition,
                    where=shape.where,
                    max_distance=shape.max_distance,
                    tell=None if plan is None else plan.looks.append,
                )
            except NotFound:
                return [[] for _ in vectors]
        with timings.measure("rows"):
            found = _with_rows(ports, collection, hits, shape, excluded)
        size = shape.window.stop - shape.window.start
        is_short = any(
            len(page) < size and len(kept) == depth < deepest for page, kept in zip(found.pages, hits, strict=True)
        )
        if not is_short and not found.was_overtaken:
            break
        depth = min(2 * depth + 16, deepest)
    return found.pages


@dataclass(frozen=True, slots=True)
class _Found:
    pages: list[list[Match]]
    was_overtaken: bool
    """A row was deleted between counting and reading."""


def _with_rows(
    ports: Search, collection: Collection, hits: list[list[Hit]], shape: Shape, excluded: Sequence[Set[int]]
) -> _Found:
    """Return each query's page of those hits that are an image's, each image once."""
    window = shape.window
    keys = {hit.key for found in hits for hit in found}
    with ports.catalog.reading() as tx:
        # On deep pages the rows in front are counted, and only those of the page are read.
        counts_ids_alone = bool(window.start) and shape.group_by is None
        rows = {} if counts_ids_alone else images.by_keys(tx, collection.id, keys)
        ids = (
            images.ids_by_keys(tx, collection.id, keys)
            if counts_ids_alone
            else {key: row.id for key, row in rows.items()}
        )
        if lacking := keys - ids.keys():
            followed = _followed(tx, collection, lacking, shape)
            rows |= {key: row for key, (row, _) in followed.items()}
            ids |= {key: row.id for key, (row, _) in followed.items()}
            lacking = {key for key, (_, is_current) in followed.items() if not is_current}
        each_once = [
            _once(found, ids, lacking & ids.keys(), left_out)
            for found, left_out in zip(hits, excluded, strict=True)
        ]
        if shape.group_by is not None:
            each_once = [one_of_each(found, rows, shape.group_by) for found in each_once]
        kept = [found[window.start : window.stop] for found in each_once]
        if counts_ids_alone:
            unread = {hit.key for page in kept for hit in page} - rows.keys()
            rows |= images.by_keys(tx, collection.id, unread)
    pages = [[Match(rows[hit.key], hit.distance) for hit in page if hit.key in rows] for page in kept]
    return _Found(pages, was_overtaken=sum(map(len, pages)) < sum(map(len, kept)))


def _followed(
    tx: Transaction, collection: Collection, keys: Iterable[int], shape: Shape
) -> dict[int, tuple[Image, bool]]:
    """Return the images of keys that stand in no row, where they are asked for, and whether the key is current."""
    followed = naming.follow(tx, collection.id, keys)
    rows = images.indexed_by_ids(tx, {one.image_id for one in followed.values()})
    return {
        key: (rows[one.image_id], one.is_current)
        for key, one in followed.items()
        if one.image_id in rows and _is_asked_for(rows[one.image_id], collection, shape)
    }


def _is_asked_for(row: Image, collection: Collection, shape: Shape) -> bool:
    return (
        row.collection_id == collection.id
        and shape.partition in (None, row.partition)
        and (shape.where is None or matches(shape.where, row.metadata))
    )


def _once(hits: Sequence[Hit], ids: Mapping[int, int], old: Container[int], excluded: Set[int]) -> list[Hit]:
    """Return the hits that are an image's, each image once: by the vector that it has now, if that is there."""
    current = {ids[hit.key] for hit in hits if hit.key in ids and hit.key not in old}
    seen = set(excluded)
    found = []
    for hit in hits:
        image_id = ids.get(hit.key)
        if image_id is None or image_id in seen or (hit.key in old and image_id in current):
            continue
        seen.add(image_id)
        found.append(hit)
    return found


def one_of_each(hits: Sequence[Hit], rows: Mapping[int, Image], group_by: str) -> list[Hit]:
    """Return the first of the hits, whose images are given by key, for each partition or value of a field."""
    seen: set[tuple[type, object]] = set()
    found = []
    for hit in hits:
        row = rows[hit.key]
        value = row.partition if group_by == PARTITION else row.metadata.get(group_by)
        # 1, 1.0 and true are equal, and not the same value to whoever gave them.
        group = (
            (bool if isinstance(value, bool) else object, value) if isinstance(value, str | int | float) else None
        )
        if group is not None and group not in seen:
            seen.add(group)
            found.append(hit)
    return found


def _check_partition(ports: Search, collection: Collection, partition: str) -> None:
    with ports.catalog.reading() as tx:
        if not image_queries.has_partition(tx, collection.id, partition):
            raise NoSuchPartition(f"No image of {collection.name!r} has that partition.")
