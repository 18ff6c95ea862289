"""Find what lies within the reach of an API key; what lies beyond is not found, as if it were not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from imagesearch.access.tenants import Tenancy
from imagesearch.catalog import collections, image_counts, image_queries, images
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.states import CollectionState
from imagesearch.errors import NotFound
from imagesearch.networks import VGG16
from imagesearch.pipeline import Preset


def collection(tx: Transaction, name: str, tenancy: Tenancy) -> Collection:
    """Return the collection of that name or alias.

    Raises:
        NotFound: there is none within reach.
    """
    found = collections.get(tx, name)
    if not tenancy.holds_collection(found.name):
        raise NotFound(f"There is no collection {name!r}.")
    return found


def collection_by_name(tx: Transaction, name: str, tenancy: Tenancy) -> Collection:
    """Return the collection of that name, where an alias will not do.

    Raises:
        NotFound: there is none within reach.
        Conflict: it is an alias of one.
    """
    collection(tx, name, tenancy)
    return collections.get_by_name(tx, name)


def collection_to_fill(tx: Transaction, name: str, tenancy: Tenancy, preset: Preset) -> Collection:
    """Return the collection of that name or alias, made where there is none and the key may make one.

    A collection that is made here is for VGG16, with the pipeline that `preset` names.

    Raises:
        Forbidden: the key is bound to others, whether or not there is one of that name.
        NotFound: there is none, and a key that is bound to a partition makes none.
    """
    if tenancy.partition is not None:
        held = collection(tx, name, tenancy)
    else:
        try:
            held = collections.get(tx, name)
        except NotFound:
            tenancy.require_name(name)
            held, _ = collections.create(tx, name, network=VGG16, preprocessing=preset.options(VGG16))
    tenancy.require_name(held.name)
    return held


def all_collections(tx: Transaction, tenancy: Tenancy) -> list[Collection]:
    """Return the collections within reach that are not being deleted, by name."""
    return [found for found in collections.all_active(tx) if tenancy.holds_collection(found.name)]


def page_of_collections(tx: Transaction, tenancy: Tenancy, *, after: str, limit: int) -> list[Collection]:
    """Return collections within reach that are not being deleted, by name, from behind the name `after`."""
    return collections.page(tx, after=after, limit=limit, within=tenancy.collections)


def counts(tx: Transaction, collection_ids: Sequence[int], tenancy: Tenancy) -> dict[int, int]:
    """Return the number of indexed images within reach for each collection; see `is_capped`."""
    if tenancy.partition is None:
        return image_counts.indexed(tx, collection_ids)
    return image_queries.counts_of_partition(tx, collection_ids, tenancy.partition)


def is_capped(count: int, tenancy: Tenancy) -> bool:
    """Tell whether a count ended where counting does, so that there may be more images."""
    return tenancy.partition is not None and count >= image_queries.MAX_COUNTED


def image(tx: Transaction, image_id: int, tenancy: Tenancy, *, home: Collection | None = None) -> Image:
    """Return an image of a collection that is within reach, or of any.

    Raises:
        NotFound: there is none of that id within reach, it lies in another collection than `home`, or its
            collection is being deleted.
    """
    found = images.get(tx, image_id, collection_id=home.id if home is not None else None)
    if home is None:
        home = collections.by_id(tx, found.collection_id)
    if home.state != CollectionState.ACTIVE or not holds(tenancy, home, found):
        raise NotFound(f"There is no image {image_id}.")
    return found


def holds(tenancy: Tenancy, home: Collection, found: Image) -> bool:
    """Tell whether an image of a collection is within reach."""
    return tenancy.holds_collection(home.name) and tenancy.holds_partition(found.partition)


def indexed_by_ids(tx: Transaction, image_ids: Iterable[int], tenancy: Tenancy) -> Mapping[int, Image]:
    """Return those of the images that are indexed and of the key's partition, whatever their collection."""
    found = images.indexed_by_ids(tx, image_ids)
    return {image_id: row for image_id, row in found.items() if tenancy.holds_partition(row.partition)}
