"""What is answered about exports."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from imagesearch.catalog.exports import Export as Stored
from imagesearch.catalog.exports import ExportPart as StoredPart
from imagesearch.catalog.jobs import Job
from imagesearch.pipeline import Preset
from imagesearch_api.models.responses.base import Answer, Anything, Count, Id, JobId, Link, Page


class Export(Answer):
    """What an export holds, and what made its vectors."""

    job_id: JobId
    collection: str
    partition: str | None = Field(description="The only one that it holds; null where it holds all.")
    rows: Count
    lost: Count = Field(description="Images that are not in it, because the vector store has not their vectors.")
    parts: Count
    bytes: Count
    network: str
    model: str | None = Field(
        description="Identity of the network and its weights; null where nothing is indexed."
    )
    fingerprint: str | None = Field(
        description="Of model and preprocessing: vectors of equal ones are comparable."
    )
    pipeline: Preset | None
    preprocessing: Anything
    dimension: Count
    metric: str
    format: Count = Field(description="Version of the files' columns.")

    @classmethod
    def of(cls, job: Job, export: Stored) -> Self:
        """Return what is answered about an export of a job."""
        about = export.about
        return cls(
            job_id=job.id,
            collection=about["collection"],
            partition=(job.options or {})["partition"],
            rows=export.rows,
            lost=job.failed,
            parts=export.parts,
            bytes=export.bytes,
            network=about["network"],
            model=about["model"],
            fingerprint=about["fingerprint"],
            pipeline=about["pipeline"],
            preprocessing=about["preprocessing"],
            dimension=about["dimension"],
            metric=about["metric"],
            format=about["format"],
        )


class ExportPart(Answer):
    """One Parquet file of an export."""

    number: Id
    name: str
    rows: Count
    bytes: Count
    sha256: str
    url: Link

    @classmethod
    def of(cls, part: StoredPart, url: str) -> Self:
        """Return what is answered about a part."""
        return cls(
            number=part.number, name=part.name, rows=part.rows, bytes=part.bytes, sha256=part.sha256, url=url
        )


class ExportPartPage(Page[ExportPart]):
    """One page of the parts of an export, from the first one on."""
