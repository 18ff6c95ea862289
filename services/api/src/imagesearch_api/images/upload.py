"""Take one picture: keep its file, and make it searchable before the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from imagesearch.access.tenants import Owner
from imagesearch.catalog import collections, image_queries, images, stray_files, tenants
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.collections import mismatch_reason
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.jobs.single_image import Accepted
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.quotas.admission import Change
from imagesearch.catalog.states import CollectionState
from imagesearch.contract import ExtractedImage, IndexBatch, pack_vectors
from imagesearch.errors import Conflict, ConflictCode, PipelineMismatch
from imagesearch.files.facts import FileFacts, mtime_ns
from imagesearch.files.roots import UploadStore
from imagesearch.photo_facts import Fact, without
from imagesearch.pictures import exif_facts
from imagesearch.pictures.decode import Picture
from imagesearch.store_failures import full_disk
from imagesearch_api.errors import KeyTaken
from imagesearch_api.images.own_keys import check_free
from imagesearch_api.images.write import WriteResult, Writes, begin, finish, unchanged
from imagesearch_api.search.embedding import check_direction, infer

log = structlog.get_logger()

STORED_AFTER = timedelta(hours=1)
"""By then an upload has stored its file, or never will."""


def upload(
    ports: Writes,
    name: str,
    data: bytes,
    partition: str | None,
    metadata: dict[str, Any] | None,
    *,
    owner: Owner,
    own_key: str | None = None,
    facts: Sequence[Fact] = (),
) -> WriteResult:
    """Add a picture to a collection; the same content in the same partition is the same image, under one key.

    What its EXIF says of `facts` becomes metadata beside those that are given, or beside what the image has.

    Nothing is kept of a picture that cannot be decoded or embedded. From the commit of its row on, nothing is
    lost: what this call does not finish, reconciliation does.

    Raises:
        Busy: there is no memory for the picture in time; nothing was kept.
        Forbidden: the owner is bound to another partition.
        NotFound: there is no such collection.
        PictureRejected: the picture cannot be used.
        KeyTaken: another image has the key, or this content another key.
        Conflict: uploads are not set up, or the picture was deleted meanwhile or moved to another partition.
        QuotaExceeded: the owner has as much as a quota allows; nothing was kept.
        PipelineMismatch: the workers run another network than the collection's.
        QueryTimeout: no extractor answered in time; nothing was kept.
        StoreFull: there is no room for the file; nothing was kept.
        StoreUnavailable: a store does not answer.
    """
    if ports.uploads is None:
        raise Conflict("Uploads are switched off: UPLOAD_ROOT is not set.", ConflictCode.UPLOADS_OFF)
    partition = owner.tenancy.partition_of(partition) or ""
    with ports.catalog.transaction() as tx:
        collection = tenants.collection(tx, name, owner.tenancy)
    picture = ports.embedding.pictures.decode(data, collection.preprocessing)
    path = ports.uploads.path_of(collection.id, partition, picture.sha256, picture.format)
    labels = Labels(partition, metadata, own_key)
    known, waiting = _known(ports, collection, path, labels)
    expected = known if known is None or waiting is None else waiting.on(known)
    labels = _with_facts(labels, expected, exif_facts.read(data, facts))
    if known is not None and expected is not None:
        if expected.partition != partition:
            which = "was uploaded here and" if owner.tenancy.is_bound else f"is image {known.id}, which"
            raise Conflict(f"This content {which} was moved to another partition.", ConflictCode.IMAGE_MOVED)
        if expected.own_key is not None and not labels.keep_key(expected.own_key):
            raise KeyTaken(f"This content is image {known.id}, which has another key.")
        if labels.change_nothing(expected.partition, expected.metadata) and labels.keep_key(expected.own_key):
            return unchanged(known, waiting)
    change = Change(None if known is None else known.partition, partition, len(data))
    with ports.catalog.reading() as tx:
        admission.require_room(tx, collection.id, change)
    model, vectors = infer(ports.embedding, collection, [picture.pixels])
    if collection.model not in (None, model):
        raise PipelineMismatch(mismatch_reason(collection, model))
    check_direction(vectors[0])
    # Whether there is room for the file is known before its row and its job: nothing is left of what was refused.
    with _drafted(ports.uploads, path, data) as place:
        image = _row(ports, collection, path, labels)
        job_id, batch_id = begin(ports, image, labels, owner)
        described = _facts(place(), data, image, picture)
    message = IndexBatch(
        job_id=job_id,
        batch_id=batch_id,
        model=model,
        images=(described,),
        vectors=pack_vectors(vectors[:1]),
        unchanged=(),
        failures=(),
        generation=collection.generation,
    )
    return replace(finish(ports, message, image.id, change), is_new=known is None)


def _with_facts(labels: Labels, known: Image | None, told: Mapping[str, Any]) -> Labels:
    if not told:
        return labels
    base = labels.metadata if labels.metadata is not None else without(known.metadata if known is not None else {})
    return replace(labels, metadata={**told, **base})


def _known(
    ports: Writes, collection: Collection, path: Path, labels: Labels
) -> tuple[Image | None, Accepted | None]:
    """Return the row of a picture that is indexed, and the change of it that waits to be written.

    Raises:
        KeyTaken: another image has the key that the picture is to have.
    """
    with ports.catalog.transaction() as tx:
        waiting = single_image.accepted(tx, collection.id, str(path))
        known = images.indexed_by_paths(tx, collection.id, [str(path)]).get(str(path))
        image_id = image_queries.ids_of_paths(tx, collection.id, [str(path)]).get(str(path))
        check_free(tx, collection.id, labels.own_key, labels.partition or "", image_id=image_id)
    return known, waiting


def _row(ports: Writes, collection: Collection, path: Path, labels: Labels) -> Image:
    """Return the row of a picture, made unless it was there."""
    with ports.catalog.transaction() as tx:
        if collections.lock_shared(tx, collection.id).state != CollectionState.ACTIVE:
            raise Conflict(f"Collection {collection.name!r} is being deleted.", ConflictCode.COLLECTION_DELETING)
        metadata = dict(labels.metadata or {})
        image = images.ensure_rows(tx, collection.id, [str(path)], labels.partition, metadata)[str(path)]
        if not image.uploaded:
            images.mark_uploaded(tx, image.id)
        # Its file is stored after this commit: somebody who deletes it now may look for it too early.
        stray_files.note(tx, collection.id, [str(path)], after=STORED_AFTER)
    return image


@contextmanager
def _drafted(uploads: UploadStore, path: Path, data: bytes) -> Iterator[Callable[[], FileFacts]]:
    try:
        with uploads.drafted(path, data) as place:
            yield place
    except OSError as error:
        log.warning("upload.not_stored", path=str(path), reason=str(error))
        raise full_disk("files", error) from error


def _facts(facts: FileFacts, data: bytes, image: Image, picture: Picture) -> ExtractedImage:
    return ExtractedImage(
        image_id=image.id,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=facts.st_size,
        mtime_ns=mtime_ns(facts),
        width=picture.width,
        height=picture.height,
        format=picture.format,
        expected_version=image.version,
    )
