"""Turn the models of bodies and answers into schemas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from imagesearch_api.models.responses.base import Answer
from imagesearch_api.openapi.field_examples import EXAMPLES
from imagesearch_api.openapi.told import TEXTS

Schema = dict[str, Any]

TEMPLATE = "#/components/schemas/{model}"
_NONE = object()


class AnswerSchema(GenerateJsonSchema):
    """Describe answers: without titles, and without defaults, as what has one is left out unless it is given."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Tell that the name of a field says enough."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Describe what the field holds when it is there."""
        return self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe an answer; its component's name is its title."""
        return {key: value for key, value in super().model_schema(schema).items() if key != "title"}


def ref(model: type[BaseModel]) -> Schema:
    """Return a reference to the schema of a model."""
    return {"$ref": TEMPLATE.format(model=model.__name__)}


def schemas_of(bodies: Iterable[type[BaseModel]], answers: Iterable[type[Answer]]) -> dict[str, Schema]:
    """Return the schemas of models, and of all that they refer to, by name."""
    given = _schemas(answers, "serialization", AnswerSchema)
    found = {**_schemas(bodies, "validation", GenerateJsonSchema), **given}
    for name, schema in found.items():
        for field, described in schema.get("properties", {}).items():
            _tell(name, field, described)
    return found


def _tell(model: str, field: str, described: Schema) -> None:
    """Add what a field holds, and an example, where the model does not say; objects in a list tell themselves."""
    text = TEXTS.get(f"{model}.{field}", TEXTS.get(field))
    if text is not None:
        described.setdefault("description", text)
    example = EXAMPLES.get(f"{model}.{field}", EXAMPLES.get(field, _NONE))
    if example is not _NONE and "$ref" not in described.get("items", {}):
        described.setdefault("examples", [example])


def _schemas(
    models: Iterable[type[BaseModel]], mode: JsonSchemaMode, generator: type[GenerateJsonSchema]
) -> dict[str, Schema]:
    wanted = [(model, mode) for model in sorted(set(models), key=lambda model: model.__name__)]
    _, made = models_json_schema(wanted, ref_template=TEMPLATE, schema_generator=generator)
    found: dict[str, Schema] = made.get("$defs", {})
    return found
