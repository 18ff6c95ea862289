"""What is answered when something is wrong."""

from __future__ import annotations

from pydantic import Field

from imagesearch.failures import FailureCode
from imagesearch_api.errors import RefusalCode
from imagesearch_api.models.responses.base import Answer


class FieldError(Answer):
    """A field of the request that is wrong, and the rule that it breaks."""

    field: str
    rule: str


class Problem(Answer):
    """RFC 9457 problem details; `errors` names the fields that are wrong."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)
    code: FailureCode | RefusalCode = Field(
        default=FailureCode.UNREADABLE,
        description="Why a picture cannot be used, or why a request was turned away (429).",
    )
