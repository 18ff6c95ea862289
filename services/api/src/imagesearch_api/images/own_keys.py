"""Find images by the caller's own keys, within the reach of whoever asks."""

from __future__ import annotations

from collections.abc import Iterable

from imagesearch.access.tenants import Tenancy
from imagesearch.catalog import own_keys
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch_api.errors import KeyAmbiguous, KeyTaken, NoSuchKey


def image_of_key(
    tx: Transaction, collection: Collection, own_key: str, partition: str | None, tenancy: Tenancy
) -> Image:
    """Return the image of a collection that has a key, in any state.

    Raises:
        Forbidden: the key of the API is bound to another partition.
        KeyAmbiguous: no partition was named, and images of several have it.
        NoSuchKey: none has it, within reach.
    """
    found = images_of_keys(tx, collection, [own_key], tenancy.partition_of(partition)).get(own_key)
    if found is None:
        raise NoSuchKey(f"No image of that key is in collection {collection.name!r}.")
    return found


def images_of_keys(
    tx: Transaction, collection: Collection, wanted: Iterable[str], partition: str | None
) -> dict[str, Image]:
    """Return the images of a collection, or of one of its partitions, that have these keys, by key.

    Raises:
        KeyAmbiguous: no partition was named, and images of several have one of them.
    """
    found = own_keys.holders(tx, collection.id, wanted, partition)
    for own_key, images in found.items():
        if len(images) > 1:
            raise KeyAmbiguous(f"Images of several partitions have the key {own_key!r}; name the partition.")
    return {own_key: image for own_key, [image] in found.items()}


def check_free(
    tx: Transaction, collection_id: int, own_key: str | None, partition: str, *, image_id: int | None
) -> None:
    """Check that no image but the given one has a key in a partition; None is no key.

    Raises:
        KeyTaken: another one has it.
    """
    holders = own_keys.holders(tx, collection_id, [own_key], partition) if own_key is not None else {}
    for [image] in holders.values():
        if image.id != image_id:
            raise KeyTaken(f"Image {image.id} has that key.")
