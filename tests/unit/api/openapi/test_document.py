"""The OpenAPI document and the routes say the same."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask

from imagesearch_api.app import create_app
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.lanes import Lane
from imagesearch_api.models.responses.system import Info
from imagesearch_api.openapi.document import document
from imagesearch_api.openapi.field_examples import EXAMPLES
from imagesearch_api.openapi.operation import operation, operation_of
from imagesearch_api.openapi.told import TEXTS
from support.api_twin import services_of

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(services_of())


@pytest.fixture(scope="module")
def described(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(document(app)))
    return found


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_every_route_is_described(app: Flask, described: dict[str, Any]) -> None:
    routes = {
        (method.lower(), rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v2/")
    }
    assert set(operations(described)) == routes


def test_every_route_is_sorted_by_what_it_is_about(described: dict[str, Any]) -> None:
    told = {tag["name"]: tag["description"] for tag in described["tags"]}
    found = {tag for operation in operations(described).values() for tag in operation["tags"]}
    assert found == told.keys()
    assert operations(described)["get", "/api/v2/jobs/{job_id}/callbacks"]["tags"] == ["jobs"]


def fields(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{name}.{field}": schema
        for name, model in described["components"]["schemas"].items()
        for field, schema in model.get("properties", {}).items()
    }


def test_every_field_says_what_it_holds(described: dict[str, Any]) -> None:
    assert [name for name, schema in fields(described).items() if not schema.get("description")] == []


def test_every_field_that_holds_no_object_has_an_example_which_holds(described: dict[str, Any]) -> None:
    known = fields(described)
    without = [
        name for name, schema in known.items() if "examples" not in schema and "$ref" not in json.dumps(schema)
    ]
    wrong = [
        (name, example)
        for name, schema in known.items()
        for example in schema.get("examples", [])
        if not jsonschema_rs.is_valid({**schema, "components": described["components"]}, example)
    ]
    assert (without, wrong) == ([], [])


def test_nothing_is_told_of_fields_that_are_not_there(described: dict[str, Any]) -> None:
    known = fields(described)
    names = known.keys() | {name.partition(".")[2] for name in known}
    assert [name for name in (TEXTS.keys() | EXAMPLES.keys()) if name not in names] == []


def test_a_route_that_does_not_describe_itself_is_noticed() -> None:
    def silent() -> None:
        """Say nothing."""

    with pytest.raises(LookupError, match="silent"):
        operation_of(silent)


def test_a_description_survives_what_stands_around_the_view() -> None:
    @admitted(Lane.READS)
    @operation({200: Info})
    def show() -> str:
        return ""

    assert operation_of(show).answers == {200: Info}


def test_a_route_reads_the_body_that_it_describes(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("v2."):
            model = operation_of(view).json
            source = inspect.getsource(inspect.unwrap(view))
            read = re.findall(r"read_json\((\w+)", source)
            elsewhere = "read_question(" in source or "read_pair(" in source
            assert read == ([model.__name__] if model is not None and not elsewhere else []), endpoint


def test_every_operation_says_what_it_does_and_how_it_fails(described: dict[str, Any]) -> None:
    for route, shown in operations(described).items():
        assert shown["summary"], route
        assert "503" in shown["responses"], route
        in_path = {parameter["name"] for parameter in shown.get("parameters", []) if parameter["in"] == "path"}
        assert all(f"{{{name}}}" in route[1] for name in in_path), route
        assert len(in_path) == route[1].count("{"), route


def test_every_reference_leads_somewhere_and_nothing_is_left_over(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    schemas = described["components"]["schemas"]
    for name in schemas:
        assert f'"#/components/schemas/{name}"' in text, name
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"', 1)[0] in schemas


def test_every_schema_is_one(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({**schema, "components": described["components"]}), name


def test_a_reader_of_openapi_understands_all_of_it(described: dict[str, Any]) -> None:
    found = [result.ok() for result in schemathesis.openapi.from_dict(described).get_all_operations()]
    assert len(found) == len(operations(described))
