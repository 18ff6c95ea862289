"""The schemas of multipart bodies: pictures as file parts, everything else as text."""

from __future__ import annotations

from imagesearch.metadata import MAX_KEY_CHARACTERS, MAX_PARTITION_LENGTH
from imagesearch.pictures.regions import RULE as REGION_RULE
from imagesearch_api.limits import MAX_EXAMPLES, MAX_QUERIES
from imagesearch_api.models.requests.search import ShapeBody
from imagesearch_api.openapi.schemas import Schema

_PICTURE: Schema = {"type": "string", "format": "binary"}
_JSON: Schema = {"type": "string", "contentMediaType": "application/json"}


def _shape() -> dict[str, Schema]:
    """Return the fields of the answer's shape, each as the text that a form carries."""
    fields = {
        name: {key: value for key, value in found.items() if key != "title"}
        for name, found in ShapeBody.model_json_schema()["properties"].items()
    }
    fields["filter"] = {**_JSON, "description": "A filter as JSON."}
    fields["include"] = {
        "type": "string",
        "description": "metadata, size, thumbnail and vector, separated by commas.",
    }
    # It is told of indexed images alone, by which no form searches.
    del fields["exclude_self"]
    for name in ("top_k", "page", "page_size", "max_distance", "partition", "explain", "group_by"):
        # A form has no null.
        told = {"description": fields[name]["description"]} if "description" in fields[name] else {}
        fields[name] = told | next(option for option in fields[name]["anyOf"] if option != {"type": "null"})
    return fields


_WEIGHTS: Schema = {
    "type": "array",
    "items": {"type": "number", "minimum": 0.001, "maximum": 1000},
    "maxItems": MAX_EXAMPLES,
    "description": "For all files of that side, or each; 1 unless given.",
}
_EXAMPLES: Schema = {"type": "array", "items": _PICTURE, "minItems": 1, "maxItems": MAX_EXAMPLES}
SEARCH_FORM: Schema = {
    "type": "object",
    "properties": {
        "positive": {**_EXAMPLES, "description": "Pictures like what is looked for, in place of `image`."},
        "negative": {**_EXAMPLES, "description": "Pictures unlike what is looked for, beside positive ones."},
        "positive_weight": _WEIGHTS,
        "negative_weight": _WEIGHTS,
        "examples": {
            **_JSON,
            "description": "`positive`, `negative` and `negative_share` as JSON bodies have them; with the files "
            f"at most {MAX_EXAMPLES} examples.",
        },
        "image": {"type": "array", "items": _PICTURE, "minItems": 1, "maxItems": MAX_QUERIES},
        "box": {
            "type": "array",
            "items": {"type": "string"},
            "description": f"For all pictures, or each: {REGION_RULE}.",
        },
        **_shape(),
    },
    "oneOf": [{"required": ["image"]}, {"anyOf": [{"required": ["positive"]}, {"required": ["examples"]}]}],
}
EMBED_FORM: Schema = {
    "type": "object",
    "properties": {"image": {"type": "array", "items": _PICTURE, "minItems": 1, "maxItems": MAX_QUERIES}},
    "required": ["image"],
}
UPLOAD_FORM: Schema = {
    "type": "object",
    "properties": {
        "image": _PICTURE,
        "partition": {"type": "string", "maxLength": MAX_PARTITION_LENGTH},
        "metadata": _JSON,
        "facts": {
            "type": "string",
            "description": "Metadata from its EXIF: taken, camera, orientation and place, separated by commas.",
        },
        "key": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS},
    },
    "required": ["image"],
}
COMPARE_FORM: Schema = {
    "type": "object",
    "properties": {
        "a": {**_PICTURE, "description": "A picture, or the id of an indexed one."},
        "b": {**_PICTURE, "description": "Likewise."},
        "collection": {"type": "string"},
        "explain": _shape()["explain"],
    },
    "required": ["a", "b"],
}
