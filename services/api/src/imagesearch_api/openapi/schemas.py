"""Turn the models of bodies and answers into schemas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from imagesearch_api.models.responses.base import Answer

Schema = dict[str, Any]

TEMPLATE = "#/components/schemas/{model}"


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
    return {**_schemas(bodies, "validation", GenerateJsonSchema), **given}


def _schemas(
    models: Iterable[type[BaseModel]], mode: JsonSchemaMode, generator: type[GenerateJsonSchema]
) -> dict[str, Schema]:
    wanted = [(model, mode) for model in sorted(set(models), key=lambda model: model.__name__)]
    _, made = models_json_schema(wanted, ref_template=TEMPLATE, schema_generator=generator)
    found: dict[str, Schema] = made.get("$defs", {})
    return found
