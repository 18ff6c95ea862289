"""Bodies about collections: names, aliases, index and pipeline."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from imagesearch.catalog.constants import METRIC
from imagesearch.errors import InvalidMessage
from imagesearch.networks import MAX_NETWORK_NAME, VGG16
from imagesearch.pipeline import DEFAULT_PRESET, Preprocessing, Preset
from imagesearch.vectors import IndexType
from imagesearch_api.models.requests.base import Body, CallbackUrl, CollectionName


def _checked_options(value: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return options as they were given: one that is not named is another's to fill in."""
    try:
        Preprocessing.from_dict(value or {})
    except InvalidMessage as error:
        raise ValueError(str(error).removeprefix("preprocessing: ")) from error
    return value


PresetName = Annotated[
    Preset,
    # JSON has no enums: its names are texts.
    Field(strict=False, description="A pipeline by name; `preprocessing` changes parts of it."),
]
NetworkName = Annotated[str, Field(min_length=1, max_length=MAX_NETWORK_NAME)]


class CollectionBody(Body):
    """What POST /collections takes."""

    name: CollectionName
    metric: str = METRIC
    network: NetworkName = VGG16.name
    pipeline: PresetName = DEFAULT_PRESET
    preprocessing: dict[str, Any] = Field(default_factory=dict)
    index_type: IndexType = "AUTOINDEX"
    index_params: dict[str, Any] = Field(default_factory=dict)

    _options = field_validator("preprocessing")(_checked_options)

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
    """What POST /collections/{name}/reindex takes; what is missing stays as it is.

    With `extract` every picture is read again, also where its vector could be copied.
    """

    index_type: IndexType | None = None
    index_params: dict[str, Any] | None = None
    network: NetworkName | None = None
    pipeline: PresetName | None = None
    preprocessing: dict[str, Any] | None = None
    extract: bool = False
    callback_url: CallbackUrl | None = None

    _options = field_validator("preprocessing")(_checked_options)
