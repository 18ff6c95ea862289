"""Take an upload under an Idempotency-Key once, however often it comes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from imagesearch.access.tenants import Owner
from imagesearch.catalog import keyed_requests, tenants
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.errors import Conflict, ConflictCode, ImageSearchError, NotFound
from imagesearch_api.images.write import WriteResult, Writes
from imagesearch_api.jobs.repeats import digest_of


def digest_of_upload(data: bytes, *said: object) -> str:
    """Return a digest of a picture and of what is said about it."""
    return digest_of([hashlib.sha256(data).hexdigest(), *said])


def upload_once(
    ports: Writes,
    name: str,
    owner: Owner,
    make: Callable[[], WriteResult],
    *,
    key: IdempotencyKey | None,
    digest: str,
) -> WriteResult:
    """Have a picture added to a collection; one that comes again under its key is told what became of the first.

    What was cut off in the middle is done again: the same content is the same image. An upload that is refused
    leaves its key to another one.

    Args:
        ports: the stores.
        name: of the collection.
        owner: who adds it.
        make: adds it.
        key: under which it may come again; None is none.
        digest: of what was asked.

    Raises:
        Conflict: the key was used for another request, or the image is gone since.
        Whatever `make` raises.
    """
    with ports.catalog.transaction() as tx:
        before = keyed_requests.take(tx, key, digest)
    if before:
        return _earlier(ports, name, before, owner)
    try:
        done = make()
    except ImageSearchError:
        with ports.catalog.transaction() as tx:
            keyed_requests.give_up(tx, key)
        raise
    with ports.catalog.transaction() as tx:
        keyed_requests.answered(tx, key, _kept(done))
    return done


def _kept(done: WriteResult) -> dict[str, Any]:
    since = None if done.searchable_at is None else done.searchable_at.isoformat()
    return {"image": done.image.id, "job": done.job_id, "searchable_at": since, "is_new": done.is_new}


def _earlier(ports: Writes, name: str, before: Mapping[str, Any], owner: Owner) -> WriteResult:
    since = before["searchable_at"]
    with ports.catalog.reading() as tx:
        home = tenants.collection(tx, name, owner.tenancy)
        try:
            image = tenants.image(tx, before["image"], owner.tenancy, home=home)
        except NotFound:
            raise Conflict("The picture was uploaded, and is gone since.", ConflictCode.IMAGE_DELETED) from None
    return WriteResult(
        image, before["job"], None if since is None else datetime.fromisoformat(since), is_new=before["is_new"]
    )
