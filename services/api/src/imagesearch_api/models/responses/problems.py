"""What is answered when something is wrong."""

from __future__ import annotations

from pydantic import Field

from imagesearch.errors import Resource
from imagesearch.failures import FailureCode
from imagesearch_api.errors import RefusalCode
from imagesearch_api.models.responses.base import Answer, Count


class FieldError(Answer):
    """A field of the request that is wrong, and the rule that it breaks."""

    field: str
    rule: str


class UsedQuota(Answer):
    """A quota of which a tenant has as much as it may."""

    resource: Resource
    used: Count
    limit: Count
    collection: str | None = Field(description="Whose images count; null: those of every collection.")
    partition: str | None = Field(description="The only one whose images count; null: all do.")


class Problem(Answer):
    """RFC 9457 problem details; `errors` names the fields that are wrong."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)
    code: FailureCode | RefusalCode = Field(
        default=FailureCode.UNREADABLE,
        description="Why a picture cannot be used, or a request was turned away (429, 503, or 403 for a quota).",
    )
    quota: UsedQuota | None = Field(
        default=None, description="The quota that is used up, where the key reaches all that it counts."
    )
