"""The parameters that routes take in the query and the headers."""

from __future__ import annotations

from imagesearch.metadata import LONGEST_PARTITION
from imagesearch_api.http.pages import LARGEST_NUMBER, LONGEST_PAGE, PAGE_SIZE
from imagesearch_api.openapi.answers import Schema
from imagesearch_api.v2.files import DEFAULT_SIZE, LARGEST, SMALLEST
from imagesearch_api.v2.jobs import LONGEST_KEY


def _query(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


LIMIT = _query(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": PAGE_SIZE},
    "Items of one page.",
)
CURSOR = _query(
    "cursor",
    {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER},
    "What `next` of the page before said; nothing begins at the beginning.",
)
NAME_CURSOR = _query("cursor", {"type": "string"}, "What `next` of the page before said.")
PARTITION = _query("partition", {"type": "string", "maxLength": LONGEST_PARTITION}, "Only this partition.")
PATH = _query("path", {"type": "string", "minLength": 1}, "The path of the image.", required=True)
MAX_DISTANCE = _query(
    "max_distance", {"type": "number", "minimum": 0, "maximum": 1}, "How far apart near duplicates may lie."
)
SIZE = _query(
    "size",
    {"type": "integer", "minimum": SMALLEST, "maximum": LARGEST, "default": DEFAULT_SIZE},
    "The longer side in pixels, at most.",
)
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
    "description": "A request that is repeated under the same key finds the job of the first.",
}
