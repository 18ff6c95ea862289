"""Shape what the API knows into the JSON that it answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from imagesearch.catalog.collections import Collection
from imagesearch.catalog.images import Image
from imagesearch.contract import JobState
from imagesearch.messaging.progress import JobProgress
from imagesearch_api.http.links import Links
from imagesearch_api.search.matches import Match
from imagesearch_api.search.question import Include


def job_shape(job: JobProgress) -> dict[str, Any]:
    """Return a job as JSON."""
    return {
        "id": job.job_id,
        "kind": job.kind,
        "collection": job.collection,
        "source": job.directory,
        "state": str(job.state),
        "total": job.total,
        "indexed": job.indexed,
        "unchanged": job.unchanged,
        "failed": job.failed,
        "cancelled": job.cancelled,
        "removed": job.removed,
        "rate": round(job.rate, 3) if job.rate is not None else None,
        "eta_seconds": _eta(job),
        "stalled": job.stalled,
        "error": job.error,
        "created_at": _moment(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
    }


def _eta(job: JobProgress) -> float | None:
    if job.ended:
        return 0.0
    if not job.rate or job.state != JobState.RUNNING:
        return None
    return round((job.total - job.done) / job.rate, 1)


def _moment(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds is not None else None


def collection_shape(
    collection: Collection, images: int, vectors: int | None, aliases: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a collection as JSON; `vectors` is None where it is not counted."""
    return {
        "name": collection.name,
        "aliases": list(aliases),
        "dimension": collection.dimension,
        "metric": collection.metric,
        "model": collection.model,
        "fingerprint": collection.fingerprint,
        "preprocessing": collection.preprocessing.to_dict(),
        "index_type": collection.index_type,
        "index_params": collection.index_params,
        "images": images,
        "vectors": vectors,
        "created_at": collection.created_at.isoformat(),
    }


def image_shape(links: Links, collection: str, image: Image) -> dict[str, Any]:
    """Return an image as JSON."""
    return {
        "id": image.id,
        "collection": collection,
        "path": image.path,
        "url": links.file_of(image.id),
        "state": image.state,
        "sha256": image.sha256,
        "bytes": image.size_bytes,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "partition": image.partition,
        "metadata": image.metadata,
        "indexed_at": image.indexed_at.isoformat() if image.indexed_at else None,
        "created_at": image.created_at.isoformat(),
    }


def match_shape(
    links: Links, match: Match, include: frozenset[Include] = frozenset({"metadata"})
) -> dict[str, Any]:
    """Return a search result as JSON, with the parts that were asked for."""
    image = match.image
    shape: dict[str, Any] = {
        "id": image.id,
        "path": image.path,
        "url": links.file_of(image.id),
        "distance": match.distance,
    }
    if "metadata" in include:
        shape["metadata"] = image.metadata
    if "size" in include:
        shape |= {"width": image.width, "height": image.height, "bytes": image.size_bytes, "format": image.format}
    if "thumbnail" in include:
        shape["thumbnail_url"] = links.thumbnail_of(image.id)
    return shape


def paged(items: list[dict[str, Any]], numbers: list[int], limit: int) -> dict[str, Any]:
    """Return one page; `next` is the cursor of the page behind it, null on the last one."""
    return {"items": items, "next": str(numbers[-1]) if len(numbers) == limit else None}
