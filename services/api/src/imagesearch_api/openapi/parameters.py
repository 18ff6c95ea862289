"""The parameters that routes take in the query and the headers."""

from __future__ import annotations

from imagesearch.catalog.states import ImageState
from imagesearch.contract import JobState
from imagesearch.metadata import MAX_KEY_CHARACTERS, MAX_PARTITION_LENGTH
from imagesearch_api.limits import (
    MAX_KEY_LENGTH,
    MAX_NUMBER,
    MAX_PAGE_SIZE,
    MAX_THUMBNAIL_SIZE,
    MAX_WAIT_SECONDS,
    MIN_THUMBNAIL_SIZE,
    PAGE_SIZE,
    THUMBNAIL_SIZE,
)
from imagesearch_api.models.requests.base import NAME
from imagesearch_api.models.requests.search import FILTER_SCHEMA
from imagesearch_api.openapi.schemas import Schema


def _query(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


LIMIT = _query(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
    "Items of one page.",
)
CURSOR = _query(
    "cursor",
    {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER},
    "What `next` of the page before said; nothing begins at the beginning.",
)
PAGE = (LIMIT, CURSOR)
NAME_CURSOR = _query("cursor", {"type": "string"}, "What `next` of the page before said.")
PARTITION = _query("partition", {"type": "string", "maxLength": MAX_PARTITION_LENGTH}, "Only this partition.")
FILTER = {
    "name": "filter",
    "in": "query",
    "required": False,
    "content": {"application/json": {"schema": FILTER_SCHEMA}},
    "description": "Only images whose metadata this filter matches, as searches take it.",
}
PATH = _query("path", {"type": "string", "minLength": 1}, "The path of the image.")
_KEY: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS}
KEY = _query("key", _KEY, "Your own id of the image; with `partition` where images of several have it.")
OWN_KEY = _query("key", _KEY, "Your own id of the image.", required=True)
DRY_RUN = _query("dry_run", {"enum": ["true", "false"]}, "Whether to tell only what would be deleted.")
DIRECTORY = _query("path", {"type": "string", "minLength": 1}, "The path of the directory.")
MAX_DISTANCE = _query(
    "max_distance",
    {"type": "number", "minimum": 0, "maximum": 1},
    "How far apart near duplicates may lie; unsaid, what the collection's pipeline calls near.",
)
SIZE = _query(
    "size",
    {"type": "integer", "minimum": MIN_THUMBNAIL_SIZE, "maximum": MAX_THUMBNAIL_SIZE, "default": THUMBNAIL_SIZE},
    "The longer side in pixels, at most.",
)
DIGEST = _query(
    "sha256",
    {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "The digest of the image, as lists of images say it: as long as it holds, the answer may be kept for ever.",
)
JOB_SELECTION = (
    {
        "name": "state",
        "in": "query",
        "required": False,
        "schema": {"type": "array", "items": {"enum": [state.value for state in JobState]}},
        "style": "form",
        "explode": False,
        "description": "Only jobs in one of these states, separated by commas.",
    },
    _query("collection", {"type": "string", "pattern": f"^{NAME}$"}, "Only jobs of this collection."),
    _query("created_after", {"type": "string", "format": "date-time"}, "Only jobs submitted then or later."),
    _query("created_before", {"type": "string", "format": "date-time"}, "Only jobs submitted before."),
)
IMAGE_INCLUDE = _query("include", {"enum": ["vector"]}, "Show the vector of each image as well.")
IMAGE_SELECTION = (
    LIMIT,
    NAME_CURSOR,
    PARTITION,
    KEY,
    _query(
        "path_prefix", {"type": "string", "minLength": 1}, "Only images whose path, as lists show it, begins so."
    ),
    FILTER,
    {
        "name": "state",
        "in": "query",
        "required": False,
        "schema": {"type": "array", "items": {"enum": [state.value for state in ImageState]}},
        "style": "form",
        "explode": False,
        "description": "Only images in one of these states, separated by commas; `indexed` unless given.",
    },
    _query(
        "created_after", {"type": "string", "format": "date-time"}, "Only images that became known then or later."
    ),
    _query("created_before", {"type": "string", "format": "date-time"}, "Only images that became known before."),
    IMAGE_INCLUDE,
)
WAIT = _query(
    "wait",
    {"type": "integer", "minimum": 0, "maximum": MAX_WAIT_SECONDS},
    "Answer when the job has ended, or after so many seconds as it stands then. Only so many callers may wait at "
    "once: beyond them 429 comes at once, and one asks without this, after Retry-After.",
)
IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "examples": ['"2c26b46b68ffc68ff99b453c1d304134"']},
    "description": "Change it only while it has one of these versions, which the `ETag` of an answer names; "
    "412 otherwise.",
}
IF_ABSENT: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "examples": ["*"]},
    "description": "`*` makes it only while there is none; 412 otherwise.",
}
IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "examples": ['"2c26b46b68ffc68ff99b453c1d304134"']},
    "description": "Answer 304 without a body while it has one of these versions.",
}
TAGGED = ("If-Match", "If-None-Match")
"""Headers of requests whose answers name the version of what they show."""
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[ -~]+$"},
    "description": "A request that is repeated under the same key finds the job of the first.",
}
KEPT_KEY: Schema = {
    **IDEMPOTENCY_KEY,
    "description": "A request that is repeated under the same key within a day makes nothing more, and is "
    "answered as the first was; an API key is shown once, and then 409.",
}
