"""Make records of the catalogue without a catalogue, for tests of the decisions that are made from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from imagesearch.catalog.collection import Collection
from imagesearch.catalog.constants import METRIC
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import Job
from imagesearch.catalog.states import CollectionState, ImageState, JobOrigin
from imagesearch.contract import (
    ExtractedImage,
    FailedImage,
    IndexBatch,
    JobKind,
    JobState,
    UnchangedImage,
)
from imagesearch.failures import FailureCode
from imagesearch.networks import VGG16
from imagesearch.pipeline import Preprocessing

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_NEW = Job(
    id="00000000-0000-0000-0000-000000000001",
    number=1,
    collection_id=1,
    collection="default",
    origin=JobOrigin.V2,
    kind=JobKind.INDEX,
    options=None,
    directory="/library",
    manifest=None,
    recursive=True,
    partition=None,
    metadata=None,
    prune=False,
    state=JobState.PLANNING,
    error=None,
    total=0,
    indexed=0,
    unchanged=0,
    failed=0,
    cancelled=0,
    removed=0,
    rate=None,
    revision=0,
    planned_up_to=None,
    listed_at=None,
    planned_at=None,
    created_at=NOON,
    started_at=None,
    progressed_at=NOON,
    stalled_at=None,
    finished_at=None,
    request_sha256=None,
)


def job_record(**values: object) -> Job:
    """Return a job of a directory that was submitted at noon, but for these values."""
    return replace(_NEW, **values)  # type: ignore[arg-type]


def image_record(image_id: int, state: str = ImageState.INDEXED, **values: object) -> Image:
    """Return a picture whose vector has ten times its id as key if it has been indexed, but for these values."""
    is_new = state == ImageState.PENDING
    made = Image(
        id=image_id,
        collection_id=1,
        path=f"/library/{image_id}.jpg",
        state=ImageState(state),
        sha256=None if is_new else "digest",
        size_bytes=None if is_new else 10,
        mtime_ns=None if is_new else 20,
        width=None if is_new else 8,
        height=None if is_new else 8,
        format=None if is_new else "PNG",
        partition="",
        metadata={},
        uploaded=False,
        vector_key=10 * image_id if state == ImageState.INDEXED else None,
        version=0,
        indexed_at=None if is_new else NOON,
        created_at=NOON,
    )
    key = values.get("vector_key", made.vector_key)
    return replace(made, **{"version": key or 0, **values})  # type: ignore[arg-type]


def collection_record(**values: object) -> Collection:
    """Return an empty collection, but for these values."""
    made = Collection(
        id=1,
        name="default",
        dimension=VGG16.dimension,
        metric=METRIC,
        network=VGG16.name,
        model=None,
        fingerprint=None,
        preprocessing=Preprocessing(),
        index_type="FLAT",
        index_params={},
        vector_collection="vectors",
        state=CollectionState.ACTIVE,
        created_at=NOON,
    )
    return replace(made, **values)  # type: ignore[arg-type]


def answer_record(
    *,
    extracted: tuple[int, ...] = (),
    unchanged: tuple[int, ...] = (),
    failed: dict[int, FailureCode] | None = None,
    expected: dict[int, int] | None = None,
) -> IndexBatch:
    """Return what an extractor answers of pictures; each was sent with the key of `image_record` or another."""

    def version(image_id: int) -> int:
        return (expected or {}).get(image_id, 10 * image_id)

    return IndexBatch(
        job_id="00000000-0000-0000-0000-000000000001",
        batch_id=1,
        model="vgg16-max-512:test",
        images=tuple(ExtractedImage(at, "new digest", 11, 21, 8, 8, "PNG", version(at)) for at in extracted),
        vectors=b"",
        unchanged=tuple(UnchangedImage(at, "digest", 10, 22, version(at)) for at in unchanged),
        failures=tuple(FailedImage(at, code, f"{code}", version(at)) for at, code in (failed or {}).items()),
    )
