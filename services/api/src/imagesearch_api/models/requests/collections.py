"""Bodies about collections: names, aliases, index and pipeline."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from imagesearch.catalog.constants import METRIC
from imagesearch.errors import InvalidMessage
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors import IndexType
from imagesearch_api.models.requests.base import Body, CollectionName


def _known_options(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        return Preprocessing.from_dict(value).to_dict()
    except InvalidMessage as error:
        raise ValueError(str(error).removeprefix("preprocessing: ")) from error


class CollectionBody(Body):
    """What POST /collections takes."""

    name: CollectionName
    metric: str = METRIC
    preprocessing: dict[str, Any] = Field(default_factory=dict)
    index_type: IndexType = "AUTOINDEX"
    index_params: dict[str, Any] = Field(default_factory=dict)

    _options = field_validator("preprocessing")(_known_options)

    @field_validator("metric")
    @classmethod
    def _only_one(cls, value: str) -> str:
        if value != METRIC:
            raise ValueError(f"{METRIC} is the only one: all vectors have length 1, where L2 and IP order alike")
        return value


class RenameBody(Body):
    """What PATCH /collections/{name} takes."""

    name: CollectionName


class AliasBody(Body):
    """What PUT /aliases/{alias} takes."""

    collection: CollectionName


class ReindexBody(Body):
    """What POST /collections/{name}/reindex takes; what is missing stays as it is."""

    index_type: IndexType | None = None
    index_params: dict[str, Any] | None = None
    preprocessing: dict[str, Any] | None = None

    @field_validator("preprocessing")
    @classmethod
    def _plain_options(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        # Not filled up with defaults here: an option that is not named stays as the collection has it.
        _known_options(value)
        return value
