"""The body of a request for a new API key."""

from __future__ import annotations

import os
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from imagesearch.access.grants import MAX_BOUNDS, checked_key
from imagesearch.access.keys import MAX_NAME_LENGTH
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Tenancy
from imagesearch_api.models.requests.base import Body, CollectionName, Partition, Path, Text, WrongField

KeyName = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH)]
ScopeName = Annotated[Scope, Field(strict=False)]


class KeyBody(Body):
    """What POST /keys takes; without bounds the key reaches everything."""

    name: KeyName
    scope: ScopeName = Scope.READ
    collections: Annotated[list[CollectionName], Field(min_length=1, max_length=MAX_BOUNDS)] | None = None
    partition: Annotated[Partition, StringConstraints(min_length=1)] | None = None
    source_roots: Annotated[list[Path], Field(min_length=1, max_length=MAX_BOUNDS)] | None = None

    @model_validator(mode="after")
    def _as_every_key(self) -> Self:
        try:
            checked_key(self.name, self.scope, self._bounds(self.source_roots))
        except ValueError as error:
            field, _, rule = str(error).partition(": ")
            raise WrongField(field, rule) from error
        return self

    def tenancy(self) -> Tenancy:
        """Return what the key is to be bound to; links in source roots are resolved as they are now."""
        return self._bounds(sorted(map(os.path.realpath, self.source_roots or ())) or None)

    def _bounds(self, roots: list[str] | None) -> Tenancy:
        collections = None if self.collections is None else tuple(sorted(set(self.collections)))
        return Tenancy(collections, self.partition, None if roots is None else tuple(roots))
