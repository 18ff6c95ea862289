"""The parameters that routes take in the query and the headers."""

from __future__ import annotations

from imagesearch.metadata import MAX_PARTITION_LENGTH
from imagesearch_api.limits import (
    MAX_KEY_LENGTH,
    MAX_NUMBER,
    MAX_PAGE_SIZE,
    MAX_THUMBNAIL_SIZE,
    MIN_THUMBNAIL_SIZE,
    PAGE_SIZE,
    THUMBNAIL_SIZE,
)
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
PATH = _query("path", {"type": "string", "minLength": 1}, "The path of the image.", required=True)
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
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[ -~]+$"},
    "description": "A request that is repeated under the same key finds the job of the first.",
}
