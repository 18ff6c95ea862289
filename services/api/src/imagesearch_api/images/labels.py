"""Change the metadata and partition of an image, in its row and beside its vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagesearch.access.tenants import Owner
from imagesearch.catalog import locks, tenants
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.quotas.admission import Change
from imagesearch.catalog.states import ImageState
from imagesearch.contract import IndexBatch, UnchangedImage
from imagesearch.errors import Conflict, ConflictCode, NotFound
from imagesearch.metadata import check_metadata
from imagesearch_api import versions
from imagesearch_api.errors import MetadataRejected
from imagesearch_api.images.own_keys import check_free
from imagesearch_api.images.write import WriteResult, Writes, begin, finish, unchanged
from imagesearch_api.versions import ANY_VERSION, Expected


@dataclass(frozen=True, slots=True)
class LabelsUpdate:
    """Hold a change of an image's labels.

    Attributes:
        metadata: a merge patch (RFC 7396); None leaves the metadata.
        empties: all metadata is removed.
        partition: the new one; None leaves it.
        own_key: the new one; None leaves it.
    """

    metadata: Mapping[str, Any] | None = None
    empties: bool = False
    partition: str | None = None
    own_key: str | None = None

    def applied(self, image: Image) -> Labels:
        """Return the labels that an image of this partition and metadata is to have.

        Raises:
            MetadataRejected: the metadata would be larger than it may be.
        """
        if self.empties:
            return Labels(self.partition, {}, self.own_key)
        merged = None if self.metadata is None else _merged(image.metadata, self.metadata)
        return Labels(self.partition, merged, self.own_key)


def update_labels(
    ports: Writes,
    name: str,
    image_id: int,
    update: LabelsUpdate,
    owner: Owner,
    *,
    expected: Expected = ANY_VERSION,
) -> WriteResult:
    """Change an image's metadata, partition and key.

    Changes of one image stand in line, so that each begins with what the one before it left, or will leave.

    Raises:
        Forbidden: the owner is bound to another partition than the image is to have.
        NotFound: there is no such collection or image.
        Conflict: the image is not indexed, or was deleted meanwhile.
        VersionMismatch: it is not, or will not be, what it is expected to be.
        KeyTaken: another image of the partition has the key.
        MetadataRejected: the metadata would be larger than it may be.
        QuotaExceeded: the image does not fit into a quota of the partition that it is to have.
        StoreUnavailable: a store does not answer.
    """
    bounds = owner.tenancy
    if update.partition is not None:
        bounds.partition_of(update.partition)
    with ports.changing, ports.catalog.transaction() as line:
        locks.labels(line, image_id)
        with ports.catalog.transaction() as tx:
            collection = tenants.collection(tx, name, bounds)
            image, waiting = single_image.look_up(tx, image_id, collection_id=collection.id)
            now = image if waiting is None else waiting.on(image)
            # Before anything is said about the partition: whether a key is taken there is for those who reach it.
            if not all(bounds.holds_partition(one.partition) for one in (image, now)):
                raise NotFound(f"There is no image {image_id}.")
            expected.check(versions.of_image(now))
            partition = now.partition if update.partition is None else update.partition
            check_free(tx, collection.id, update.own_key, partition, image_id=image_id)
        labels = update.applied(now)
        if labels.change_nothing(now.partition, now.metadata) and labels.keep_key(now.own_key):
            return unchanged(image, waiting)
        return _write(ports, collection, image, labels, owner)


def merge_patch(target: object, patch: object) -> Any:
    """Return what a JSON merge patch makes of a value: https://www.rfc-editor.org/rfc/rfc7396#section-2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _merged(metadata: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return check_metadata(merge_patch(metadata, patch))
    except ValueError as error:
        raise MetadataRejected(str(error)) from error


def _write(ports: Writes, collection: Collection, image: Image, labels: Labels, owner: Owner) -> WriteResult:
    """Have the indexer write the picture's vector beside its new labels: it has the row's lock, and reads both."""
    if image.state != ImageState.INDEXED or image.sha256 is None or collection.model is None:
        raise Conflict(
            f"Image {image.id} is not indexed, so there is nothing to change yet.", ConflictCode.IMAGE_NOT_INDEXED
        )
    change = Change(image.partition, labels.on(image)[0], image.size_bytes or 0)
    with ports.catalog.reading() as tx:
        admission.require_room(tx, collection.id, change)
    seen = UnchangedImage(
        image_id=image.id,
        sha256=image.sha256,
        size_bytes=image.size_bytes or 0,
        mtime_ns=image.mtime_ns or 0,
        expected_version=image.version,
    )
    job_id, batch_id = begin(ports, image, labels, owner)
    message = IndexBatch(
        job_id=job_id,
        batch_id=batch_id,
        model=collection.model,
        images=(),
        vectors=b"",
        unchanged=(seen,),
        failures=(),
        generation=collection.generation,
    )
    return finish(ports, message, image.id, change)
