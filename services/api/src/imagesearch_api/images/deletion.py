"""Delete images, which are gone at once; their vectors and files follow soon after."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from imagesearch.access.tenants import Owner
from imagesearch.catalog import audit, collections, image_queries, naming, tenants
from imagesearch.catalog.audit import Action
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.states import CollectionState, ImageState
from imagesearch.contract import FinishDeletes, TaskName
from imagesearch.errors import NotFound, QueryTimeout, StoreUnavailable
from imagesearch.files.paths import canonical
from imagesearch.vectors import Filter, matches
from imagesearch_api import versions
from imagesearch_api.dry_runs import changing
from imagesearch_api.images.own_keys import images_of_keys
from imagesearch_api.jobs.ports import Ask, Send
from imagesearch_api.versions import ANY_VERSION, Expected

log = structlog.get_logger()

SLICE = 1_000
NOTED_IDS = 1_000
"""Images that one event of the audit log names, at most."""


@dataclass(frozen=True, slots=True)
class Deletes:
    """Bundle what deleting images and collections needs.

    Attributes:
        timeout: seconds that deleting a collection waits for the indexer, and that a filter looks for images.
    """

    catalog: Catalog
    send: Send
    ask: Ask
    timeout: float

    def finish(self, collection_id: int) -> bool:
        """Wait a moment for the indexer to finish; when it cannot now, reconciliation does later."""
        try:
            self.ask(TaskName.DELETE, FinishDeletes(collection_id), self.timeout)
        except (StoreUnavailable, QueryTimeout) as error:
            log.warning("delete.goes_on", collection=collection_id, reason=str(error))
            return False
        return True


def is_expected(tx: Transaction, expected: Expected, row: Image) -> bool:
    """Check a row that is locked, with what has been accepted for it and is still to be written.

    Raises:
        VersionMismatch: it is not what it is expected to be.
    """
    if not expected.is_any:
        waiting = single_image.accepted(tx, row.collection_id, row.path)
        expected.check(versions.of_image(row if waiting is None else waiting.on(row)))
    return True


def delete_rows(
    tx: Transaction,
    collection: Collection,
    image_ids: Sequence[int],
    owner: Owner,
    is_wanted: Callable[[Image], bool] = lambda _: True,
) -> list[int]:
    """Delete those of the images that are within the owner's reach, and note which."""
    deleted = naming.delete(tx, collection, image_ids, owner.tenancy.partition, is_wanted=is_wanted)
    if deleted:
        noted = {"collection": collection.name, "count": len(deleted), "ids": deleted[:NOTED_IDS]}
        audit.note(tx, Action.IMAGES_DELETED, owner.key_id, noted)
    return deleted


def held(tx: Transaction, name: str, owner: Owner) -> Collection:
    """Return a collection whose index is not replaced before this transaction ends."""
    found = tenants.collection(tx, name, owner.tenancy)
    held = collections.lock_shared(tx, found.id)
    if held.state != CollectionState.ACTIVE:
        raise NotFound(f"There is no collection {name!r}.")
    return held


@dataclass(frozen=True, slots=True)
class Deletion:
    """Tell what a deletion of several images did.

    Attributes:
        deleted: images that nobody finds any more.
        missing: ids or paths that were asked for and are not there.
        next: behind which image to go on, where the time was up before all were looked at.
    """

    deleted: int
    missing: list[int] | list[str]
    next: int | None = None


def delete_ids(
    ports: Deletes, name: str, image_ids: Sequence[int], owner: Owner, *, dry_run: bool = False
) -> Deletion:
    """Delete images by id.

    Raises:
        NotFound: there is no such collection.
        StoreUnavailable: Postgres does not answer; nothing was deleted.
    """
    with changing(ports.catalog, dry_run=dry_run) as tx:
        deleted = delete_rows(tx, held(tx, name, owner), image_ids, owner)
    return Deletion(len(deleted), sorted(set(image_ids) - set(deleted)))


def delete_paths(
    ports: Deletes,
    name: str,
    paths: Sequence[str],
    owner: Owner,
    *,
    dry_run: bool = False,
    expected: Expected = ANY_VERSION,
) -> Deletion:
    """Delete images by path, under any name of their files.

    Raises:
        VersionMismatch: one is not what it is expected to be; nothing was deleted.
        NotFound: there is no such collection.
        StoreUnavailable: Postgres does not answer; nothing was deleted.
    """
    with ports.catalog.reading() as tx:
        known = image_queries.ids_of_paths(tx, tenants.collection(tx, name, owner.tenancy).id, paths)
    # Resolving goes to the disk, and costs CPU by the length of a path: no connection waits for it, and paths as
    # lists of images give them need none of it.
    resolved = {path: path if path in known else canonical(path) for path in paths}
    with changing(ports.catalog, dry_run=dry_run) as tx:
        collection = held(tx, name, owner)
        found = image_queries.ids_of_paths(tx, collection.id, list({*paths, *resolved.values()}))
        wanted = {found.get(path, found.get(resolved[path])) for path in paths}
        chosen = [one for one in wanted if one is not None]
        deleted = set(delete_rows(tx, collection, chosen, owner, partial(is_expected, tx, expected)))
    missing = sorted(path for path in resolved if found.get(path, found.get(resolved[path])) not in deleted)
    return Deletion(len(deleted), missing)


def delete_keys(
    ports: Deletes,
    name: str,
    keys: Sequence[str],
    partition: str | None,
    owner: Owner,
    *,
    dry_run: bool = False,
    expected: Expected = ANY_VERSION,
) -> Deletion:
    """Delete images by the caller's own keys, of a partition or of all.

    Raises:
        VersionMismatch: one is not what it is expected to be; nothing was deleted.
        Forbidden: the owner is bound to another partition.
        KeyAmbiguous: no partition was named, and images of several have one of the keys.
        NotFound: there is no such collection.
        StoreUnavailable: Postgres does not answer; nothing was deleted.
    """
    partition = owner.tenancy.partition_of(partition)
    with changing(ports.catalog, dry_run=dry_run) as tx:
        collection = held(tx, name, owner)
        found = {key: image.id for key, image in images_of_keys(tx, collection, keys, partition).items()}
        # Asked again under the locks: an image may get another key until then.

        def is_wanted(row: Image) -> bool:
            return row.own_key in found and is_expected(tx, expected, row)

        deleted = set(delete_rows(tx, collection, list(found.values()), owner, is_wanted))
    return Deletion(len(deleted), sorted(key for key in set(keys) if found.get(key) not in deleted))


def delete_matching(
    ports: Deletes,
    name: str,
    where: Filter | None,
    partition: str | None,
    owner: Owner,
    *,
    after: int = 0,
    dry_run: bool = False,
) -> Deletion:
    """Delete the indexed images of a partition, or of the collection, that a filter matches.

    Slice by slice, each committed, from the image behind `after` on and for as long as a delete may take: a large
    collection is deleted by asking again and again.

    Raises:
        Forbidden: the owner is bound to another partition.
        NotFound: there is no such collection.
        StoreUnavailable: Postgres does not answer; what was deleted before stays so.
    """
    partition = owner.tenancy.partition_of(partition)
    deadline = time.monotonic() + ports.timeout
    deleted = 0

    def is_wanted(row: Image) -> bool:
        is_there = row.state == ImageState.INDEXED and partition in (None, row.partition)
        return is_there and (where is None or matches(where, row.metadata))

    following: int | None = None
    while True:
        with changing(ports.catalog, dry_run=dry_run) as tx:
            collection = held(tx, name, owner)
            rows = image_queries.listing(tx, collection.id, partition=partition, after=after, limit=SLICE)
            chosen = [row.id for row in rows if is_wanted(row)]
            # Asked again under the locks: labels may change until then.
            deleted += len(delete_rows(tx, collection, chosen, owner, is_wanted))
        if len(rows) < SLICE:
            break
        after = rows[-1].id
        if time.monotonic() >= deadline:
            following = after
            break
    return Deletion(deleted, [], next=following)
