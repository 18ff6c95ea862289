"""What request bodies share: names, texts, paths and metadata, and how their errors name fields."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    model_validator,
)
from pydantic.config import JsonDict

from imagesearch.catalog.constants import MAX_PATH_BYTES
from imagesearch.metadata import MAX_PARTITION_LENGTH, check_metadata, check_own_key, check_storable
from imagesearch.photo_facts import Fact
from imagesearch_api.limits import MAX_FIELDS, MAX_NUMBER, MAX_URL_LENGTH

NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
NAME_RULE = "1 to 100 letters, digits, '_', '.' and '-', the first a letter, digit or '_'"

BRANCH = ":"
"""Begins the name of a kind of value, where a field takes several kinds; errors leave it out."""


class WrongField(ValueError):
    """A rule about several fields is broken, and the error stands at one of them.

    Attributes:
        field: its name, relative to the model or field that raises this; or ``body``; empty for that field itself.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(rule)
        self.field = field


def check_name(text: str) -> str:
    """Return the name or alias of a collection.

    Raises:
        ValueError: no collection can be called so.
    """
    if not re.fullmatch(NAME, text):
        raise ValueError(NAME_RULE)
    return text


def _fits_index(text: str) -> str:
    if len(text.encode()) > MAX_PATH_BYTES:
        raise ValueError(f"must be at most {MAX_PATH_BYTES} bytes long")
    return text


def _metadata(value: dict[str, Any] | None) -> dict[str, Any] | None:
    return value if value is None else check_metadata(value)


Text = Annotated[str, AfterValidator(check_storable)]
Path = Annotated[Text, StringConstraints(min_length=1), AfterValidator(_fits_index)]
CollectionName = Annotated[str, AfterValidator(check_name), Field(json_schema_extra={"pattern": f"^{NAME}$"})]
Partition = Annotated[Text, StringConstraints(max_length=MAX_PARTITION_LENGTH)]
Metadata = Annotated[dict[str, Any] | None, AfterValidator(_metadata)]
OwnKey = Annotated[
    str, AfterValidator(check_own_key), Field(description="Your own id of the picture, unique in its partition.")
]


def _moment(raw: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(raw))
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise ValueError("a time with its zone is expected, like 2025-05-01T10:00:00Z")
    return found


def comma_separated(raw: object) -> object:
    """Return the parts of a text, as queries and forms carry a list; what is no text as it is."""
    return [part.strip() for part in raw.split(",") if part.strip()] if isinstance(raw, str) else raw


Moment = Annotated[datetime, PlainValidator(_moment)]
ImageId = Annotated[int, Field(ge=1, le=MAX_NUMBER)]


def _distinct(facts: list[Fact]) -> list[Fact]:
    if len(set(facts)) != len(facts):
        raise ValueError("must name each fact once")
    return sorted(facts)


Facts = Annotated[
    list[Annotated[Fact, Field(strict=False)]], Field(max_length=len(Fact)), AfterValidator(_distinct)
]

CallbackUrl = Annotated[
    Text,
    Field(max_length=MAX_URL_LENGTH, description="Where it is told over https that the job has ended, signed."),
]


class Body(BaseModel):
    """Base of request bodies: unknown fields are errors, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, raw: Any) -> Any:
        # Each unknown field is an error of its own, of which a body has room for millions.
        if isinstance(raw, dict) and len(raw) > MAX_FIELDS:
            raise ValueError(f"must have at most {MAX_FIELDS} fields")
        return raw


def exactly_one(*groups: str) -> JsonDict:
    """Return the JSON schema that asks for exactly one of some fields; models check it on their own.

    Args:
        groups: a field each, or several separated by spaces of which any will do.
    """
    return {"oneOf": [{"anyOf": [{"required": [name]} for name in group.split()]} for group in groups]}
