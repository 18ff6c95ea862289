"""Delete one image, under its id, its path or the caller's own key, or only see that it could be."""

from __future__ import annotations

from functools import partial

from imagesearch.access.tenants import Owner
from imagesearch.errors import NotFound
from imagesearch_api.dry_runs import changing
from imagesearch_api.errors import NoSuchKey, NoSuchPath
from imagesearch_api.images.deletion import Deletes, delete_keys, delete_paths, delete_rows, held, is_expected
from imagesearch_api.versions import Expected


def delete_image(
    ports: Deletes, name: str, image_id: int, owner: Owner, *, dry_run: bool, expected: Expected
) -> None:
    """Delete an image by its id.

    Raises:
        NotFound: there is no such collection, or no such image in it.
        VersionMismatch: it is not, or will not be, what it is expected to be.
        StoreUnavailable: Postgres does not answer; nothing was deleted.
    """
    with changing(ports.catalog, dry_run=dry_run) as tx:
        if not delete_rows(tx, held(tx, name, owner), [image_id], owner, partial(is_expected, tx, expected)):
            raise NotFound(f"There is no image {image_id} in collection {name!r}.")


def delete_path(ports: Deletes, name: str, path: str, owner: Owner, *, dry_run: bool, expected: Expected) -> None:
    """Delete an image by its path.

    Raises:
        NotFound: there is no such collection.
        NoSuchPath: no image in it has that path.
        VersionMismatch, StoreUnavailable: as `delete_image` says.
    """
    if not delete_paths(ports, name, [path], owner, dry_run=dry_run, expected=expected).deleted:
        raise NoSuchPath(f"No image of that path is in collection {name!r}.")


def delete_key(
    ports: Deletes,
    name: str,
    key: str,
    partition: str | None,
    owner: Owner,
    *,
    dry_run: bool,
    expected: Expected,
) -> None:
    """Delete an image by the caller's own key.

    Raises:
        Forbidden: the owner is bound to another partition.
        KeyAmbiguous: no partition was named, and images of several have the key.
        NotFound: there is no such collection.
        NoSuchKey: no image in it has that key.
        VersionMismatch, StoreUnavailable: as `delete_image` says.
    """
    if not delete_keys(ports, name, [key], partition, owner, dry_run=dry_run, expected=expected).deleted:
        raise NoSuchKey(f"No image of that key is in collection {name!r}.")
