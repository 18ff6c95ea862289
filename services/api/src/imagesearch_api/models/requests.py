"""Check request bodies and parameters at the edge; each error names its field and the rule."""

from __future__ import annotations

import json
import re
from os import SEEK_END
from typing import Annotated, Any, TypeVar

from flask import request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict
from werkzeug.exceptions import RequestEntityTooLarge

from imagesearch.catalog.images import MAX_PATH_BYTES
from imagesearch.metadata import MAX_PARTITION_LENGTH, check_metadata, check_storable
from imagesearch_api.composition import current
from imagesearch_api.http.problems import AtField, BadField, WrongMediaType
from imagesearch_api.http.request_resources import held
from imagesearch_api.http.spooling import arrived

MAX_TOP_K = 16_384
"""The largest `limit` and `offset + limit` that Milvus takes."""
MAX_PATHS = 500_000
MAX_FIELDS = 64
NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
NAME_RULE = "1 to 100 letters, digits, '_', '.' and '-', the first a letter, digit or '_'"
FRAMING_BYTES = 1024 * 1024
FORM_TYPES = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
MAX_JSON_BYTES = 4 * 1024 * 1024
"""Room for 64 vectors of 512 numbers with every digit of a double."""
LONG_JSON_BYTES = 4 * 1024 * 1024
JSON_FACTOR = 24
"""What JSON takes while it is read, in multiples of its bytes: 72 bytes for each ``{},`` at the worst. A list of
paths takes about 8 times its bytes until it is written."""

T = TypeVar("T", bound=BaseModel)


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


Text = Annotated[str, AfterValidator(check_storable)]
Path = Annotated[Text, StringConstraints(min_length=1), AfterValidator(_fits_index)]
CollectionName = Annotated[str, AfterValidator(check_name), Field(json_schema_extra={"pattern": f"^{NAME}$"})]
Partition = Annotated[Text, StringConstraints(max_length=MAX_PARTITION_LENGTH)]


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


class PathList(Body):
    """A job's source as a list."""

    paths: Annotated[list[Path], Field(min_length=1, max_length=MAX_PATHS, fail_fast=True)]


def _metadata(value: dict[str, Any] | None) -> dict[str, Any] | None:
    return value if value is None else check_metadata(value)


Metadata = Annotated[dict[str, Any] | None, AfterValidator(_metadata)]


class ManifestFile(Body):
    """A job's source as a file that lists pictures: JSON lines or CSV with path, partition and metadata."""

    manifest: Path


class JobBody(Body):
    """What POST /jobs takes."""

    source: Path | PathList | ManifestFile
    collection: CollectionName = "default"
    recursive: bool = True
    partition: Partition | None = None
    metadata: Metadata = None
    prune: bool = False


def read_json(model: type[T], limit: int = MAX_JSON_BYTES) -> T:
    """Return the request's JSON body of at most `limit` bytes.

    A page of another site may send any bytes as text or as a form without being asked for permission; as JSON it
    may not (Fetch, "CORS-safelisted request-header"). So the type counts, not whether the bytes can be read.

    Raises:
        AtField: the body is of another type, status 415.
        BadField: the body is not a JSON object.
        Busy: it is long, and there is no memory for what it holds in time.
        RequestEntityTooLarge: it is larger than `limit` bytes.
        ValidationError: a field breaks its rule.
    """
    if not request.is_json:
        raise AtField("Content-Type", WrongMediaType("A body of type application/json is expected."))
    request.max_content_length = limit
    return model.model_validate(read_object())


def read_object(*, cache: bool = False) -> dict[str, Any]:
    """Return the JSON object in the body; read again only where it was cached, which is for short ones.

    Raises:
        BadField: there is none.
        Busy: it is long, and there is no memory for what it holds in time.
    """
    if cache or (request.content_length is not None and request.content_length <= LONG_JSON_BYTES):
        raw = _parsed(request.get_data(cache=cache))
    else:
        with arrived() as (file, size):
            if size > LONG_JSON_BYTES:
                # Not before it is here: a slow sender must not hold what others wait for.
                held(request.environ).enter_context(current().memory.files.reserved(JSON_FACTOR * size))
            raw = _parsed(file.read())
    if not isinstance(raw, dict):
        raise BadField("body", "a JSON object is expected")
    return raw


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def expect_form(*, or_json: bool) -> None:
    """Refuse a body that is no form; none at all is one without fields.

    Raises:
        AtField: the body is of another type, status 415.
    """
    if not has_body() or request.mimetype in FORM_TYPES or (or_json and request.is_json):
        return
    types = "multipart/form-data or application/json" if or_json else "multipart/form-data"
    raise AtField("Content-Type", WrongMediaType(f"A body of type {types} is expected."))


def has_body() -> bool:
    """Tell whether the request brings a body, of a length that is told or not."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def read_int(name: str, text: str | None, *, default: int, low: int, high: int) -> int:
    """Return a whole number from a form field or query parameter.

    Raises:
        BadField: it is not a whole number from `low` to `high`.
    """
    if text is None:
        return default
    rule = f"a whole number from {low} to {high}"
    # int() also takes '1_0', other scripts' digits and thousands of digits: none of them is meant.
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20):
        raise BadField(name, rule)
    if not low <= int(text) <= high:
        raise BadField(name, rule)
    return int(text)


def hold_files() -> None:
    """Hold what the files of the current request take in memory, until its answer has been sent.

    They arrive on the disk before: who sends slowly holds no memory.

    Raises:
        Busy: there is no memory for them in time.
        RequestEntityTooLarge: the body is too large.
    """
    size = sum(part.stream.seek(0, SEEK_END) for _, part in request.files.items(multi=True))
    for _, part in request.files.items(multi=True):
        part.stream.seek(0)
    held(request.environ).enter_context(current().memory.bodies.reserved(size))


def read_upload(name: str, limit: int) -> bytes:
    """Return the bytes of an uploaded file.

    Raises:
        BadField: there is no such file part, or it is empty.
        Busy: there is no memory for it in time.
        RequestEntityTooLarge: it is larger than `limit` bytes.
    """
    # Room for the multipart framing and the other fields.
    request.max_content_length = limit + FRAMING_BYTES
    hold_files()
    part = request.files.get(name)
    if part is None:
        raise BadField(name, "a file part of a multipart/form-data body is expected")
    data = part.stream.read(limit + 1)
    if len(data) > limit:
        raise RequestEntityTooLarge
    if not data:
        raise BadField(name, "the file is empty")
    return data
