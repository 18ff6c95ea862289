"""What is answered about API keys."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from imagesearch.access import keys
from imagesearch_api.models.responses.base import Answer, Moment, Page, moment


class ApiKey(Answer):
    """An API key; the key itself is known to nobody but its owner."""

    id: str
    name: str
    scope: str
    collections: list[str] | None = Field(description="What it is bound to; null is no bound.")
    partition: str | None
    source_roots: list[str] | None
    created_by: str | None = Field(description="The id of the key that made it; null for the command.")
    created_at: Moment
    revoked_at: Moment | None

    @classmethod
    def of(cls, made: keys.ApiKey, /, **more: Any) -> Self:
        """Return the answer about a key."""
        bounds = made.tenancy
        return cls(
            id=made.id,
            name=made.name,
            scope=made.scope.value,
            collections=None if bounds.collections is None else list(bounds.collections),
            partition=bounds.partition,
            source_roots=None if bounds.roots is None else list(bounds.roots),
            created_by=made.created_by,
            created_at=moment(made.created_at),
            revoked_at=None if made.revoked_at is None else moment(made.revoked_at),
            **more,
        )


class NewApiKey(ApiKey):
    """An API key that was just made."""

    key: str = Field(description="What its owner sends; it is shown this once.", repr=False)


class ApiKeyPage(Page[ApiKey]):
    """A page of API keys."""
