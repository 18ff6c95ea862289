"""The schemas of what the API answers."""

from __future__ import annotations

from typing import Any

from imagesearch.contract import JobState
from imagesearch.failures import FailureCode

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ID: Schema = {"type": "integer", "minimum": 1}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
LINK: Schema = {"type": "string", "format": "uri"}
ANYTHING: Schema = {"type": "object"}
DISTANCE: Schema = {
    "type": "number",
    "minimum": 0,
    "maximum": 1,
    "description": "1 - cosine: smaller is more alike.",
}
NUMBERS: Schema = {"type": "object", "additionalProperties": {"type": "number"}}


def or_null(schema: Schema) -> Schema:
    """Return a schema that also takes null."""
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def record(properties: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object that has these properties, all but the optional ones always."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def page_of(schema: Schema) -> Schema:
    """Return the schema of one page of a list."""
    cursor = or_null(TEXT) | {"description": "The cursor of the page behind this one; null on the last one."}
    return record({"items": list_of(schema), "next": cursor})


_IMAGE: dict[str, Schema] = {
    "id": ID,
    "collection": TEXT,
    "path": TEXT,
    "url": LINK,
    "state": {"enum": ["pending", "indexed", "failed"]},
    "sha256": or_null(TEXT),
    "bytes": or_null(COUNT),
    "width": or_null(COUNT),
    "height": or_null(COUNT),
    "format": or_null(TEXT),
    "partition": TEXT,
    "metadata": ANYTHING,
    "indexed_at": or_null(MOMENT),
    "created_at": MOMENT,
}

SCHEMAS: dict[str, Schema] = {
    "Problem": record(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "errors": list_of(record({"field": TEXT, "rule": TEXT})),
            "code": {"enum": [str(code) for code in FailureCode]},
        },
        optional=("errors", "code"),
    )
    | {"description": "RFC 9457 problem details; `errors` names the fields that are wrong."},
    "Job": record(
        {
            "id": {"type": "string", "format": "uuid"},
            "kind": {"enum": ["index", "reindex", "duplicates"]},
            "collection": TEXT,
            "source": or_null(TEXT),
            "state": {"enum": [str(state) for state in JobState]},
            **dict.fromkeys(("total", "indexed", "unchanged", "failed", "cancelled", "removed"), COUNT),
            "rate": or_null({"type": "number"}),
            "eta_seconds": or_null({"type": "number"}),
            "stalled": FLAG,
            "error": or_null(TEXT),
            "created_at": MOMENT,
            "started_at": or_null(MOMENT),
            "finished_at": or_null(MOMENT),
        }
    ),
    "Failure": record({"path": TEXT, "code": {"enum": [str(code) for code in FailureCode]}, "reason": TEXT}),
    "Collection": record(
        {
            "name": TEXT,
            "aliases": list_of(TEXT),
            "dimension": COUNT,
            "metric": TEXT,
            "model": or_null(TEXT),
            "fingerprint": or_null(TEXT),
            "preprocessing": ANYTHING,
            "index_type": TEXT,
            "index_params": ANYTHING,
            "images": COUNT,
            "vectors": or_null(COUNT),
            "created_at": MOMENT,
        }
    ),
    "Alias": record({"alias": TEXT, "collection": TEXT, "created_at": MOMENT}, optional=("created_at",)),
    "Image": record(_IMAGE),
    "WrittenImage": record(
        {
            **_IMAGE,
            "searchable_at": or_null(MOMENT)
            | {"description": "When searches began to see it as it is; null while the job goes on."},
            "job": or_null({"type": "string", "format": "uuid"}),
        }
    ),
    "Deletion": record(
        {"deleted": COUNT, "missing": list_of({"anyOf": [ID, TEXT]}), "next": TEXT},
        optional=("next",),
    ),
    "Result": record(
        {
            "id": ID,
            "path": TEXT,
            "url": LINK,
            "distance": DISTANCE,
            "metadata": ANYTHING,
            "width": or_null(COUNT),
            "height": or_null(COUNT),
            "bytes": or_null(COUNT),
            "format": or_null(TEXT),
            "thumbnail_url": LINK,
        },
        optional=("metadata", "width", "height", "bytes", "format", "thumbnail_url"),
    ),
    "Results": record({"results": list_of(ref("Result")), "took_ms": NUMBERS}),
    "BatchResults": record({"queries": list_of(record({"results": list_of(ref("Result"))})), "took_ms": NUMBERS}),
    "DuplicateGroup": record(
        {
            "id": ID,
            "kind": {"enum": ["exact", "near"]},
            "images": list_of(
                record(
                    {
                        "id": ID,
                        "path": TEXT,
                        "url": LINK,
                        "distance": DISTANCE,
                        "sha256": or_null(TEXT),
                        "bytes": or_null(COUNT),
                        "width": or_null(COUNT),
                        "height": or_null(COUNT),
                        "partition": TEXT,
                    }
                )
            ),
        }
    ),
    "Comparison": record({"distance": DISTANCE, "same_content": FLAG, "took_ms": NUMBERS}),
    "Info": record(
        {
            "version": TEXT,
            "weights": or_null(TEXT),
            "untrained": or_null(FLAG),
            "model": or_null(TEXT),
            "fingerprint": or_null(TEXT),
            "preprocessing_version": COUNT,
            "collections": COUNT,
            "images": COUNT,
            "workers": list_of(record({"name": TEXT, "queues": list_of(TEXT), "version": TEXT})),
        }
    ),
    "Reconciliation": record(
        {"dry_run": FLAG, "findings": list_of(record({"kind": TEXT, "count": COUNT, "detail": TEXT}))}
    ),
}
