"""Check what requests say of collections: names, aliases, index and pipeline."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from imagesearch.catalog.collections import METRIC
from imagesearch.errors import InvalidMessage, UnsupportedByStore
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors import IndexSpec, IndexType, VectorStore
from imagesearch_api.http.problems import BadField
from imagesearch_api.models.requests import Body, CollectionName, check_name


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


def checked_index(index_type: IndexType, params: dict[str, Any], vectors: VectorStore) -> IndexSpec:
    """Return the index that was asked for.

    Raises:
        BadField: there is no such index, or the store in use cannot build it; the rule names what it can.
        StoreUnavailable: the store does not answer.
    """
    try:
        spec = IndexSpec(index_type, params)
    except UnsupportedByStore as error:
        raise BadField("index_params", str(error)) from error
    try:
        vectors.capabilities.require_index(spec)
    except UnsupportedByStore as error:
        raise BadField("index_type", str(error)) from error
    return spec


def checked_alias(alias: str) -> str:
    """Return the alias of a path.

    Raises:
        BadField: it could not be the name of a collection.
    """
    try:
        return check_name(alias)
    except ValueError as error:
        raise BadField("alias", str(error)) from error
