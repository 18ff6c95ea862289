"""What is answered about quotas."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from imagesearch.catalog.quotas import counts, limits
from imagesearch_api.models.responses.base import Answer, Count, Id, Page


class Quota(Answer):
    """What a tenant has, and may have: the images of a collection, of a partition, or of a partition of one."""

    id: Id
    collection: str | None = Field(description="Whose images count; null: those of every collection.")
    partition: str | None = Field(description="The only one whose images count; null: all do.")
    images: Count = Field(description="Pictures that are indexed.")
    bytes: Count = Field(description="Of their files.")
    jobs: Count = Field(description="That have not ended.")
    max_images: Count | None = Field(description="null is no limit, here and below.")
    max_bytes: Count | None
    max_jobs: Count | None
    counted: bool = Field(description="Whether what was there before the quota has been counted.")

    @classmethod
    def of(cls, quota: limits.Quota, used: counts.Used, jobs: int) -> Self:
        """Return the answer about a quota."""
        return cls(
            id=quota.id,
            collection=quota.collection,
            partition=quota.partition,
            images=max(0, used.images),
            bytes=max(0, used.bytes),
            jobs=jobs,
            max_images=quota.limits.images,
            max_bytes=quota.limits.bytes,
            max_jobs=quota.limits.jobs,
            counted=quota.counted_at is not None,
        )


class QuotaPage(Page[Quota]):
    """A page of quotas."""
