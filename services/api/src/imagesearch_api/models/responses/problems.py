"""What is answered when something is wrong."""

from __future__ import annotations

from pydantic import Field

from imagesearch.errors import ConflictCode, Resource
from imagesearch.failures import FailureCode
from imagesearch_api.errors import ProblemCode, RefusalCode
from imagesearch_api.models.responses.base import Answer, Count

Code = FailureCode | ConflictCode | RefusalCode | ProblemCode


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

    type: str = Field(description="`urn:imagesearch:problem:` and the code: docs/problems.md tells of each.")
    title: str
    status: int
    detail: str
    code: Code = Field(description="What is wrong, in one word that stays.")
    errors: list[FieldError] = Field(default_factory=list)
    quota: UsedQuota | None = Field(
        default=None, description="The quota that is used up, where the key reaches all that it counts."
    )
