"""The OpenAPI document and the routes say the same."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask

from imagesearch_api.app import create_app
from imagesearch_api.composition import Services
from imagesearch_api.openapi.document import document
from imagesearch_api.openapi.operations import OPERATIONS
from imagesearch_api.settings import ApiSettings

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(cast(Services, SimpleNamespace(settings=ApiSettings())))


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


def test_every_route_is_described_and_every_description_has_its_route(
    app: Flask, described: dict[str, Any]
) -> None:
    routes = {
        (method.lower(), rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v2/")
    }
    assert set(operations(described)) == routes
    views = {endpoint.removeprefix("v2.") for endpoint in app.view_functions if endpoint.startswith("v2.")}
    assert set(OPERATIONS) == views


def test_every_operation_says_what_it_does_and_how_it_fails(described: dict[str, Any]) -> None:
    for route, operation in operations(described).items():
        assert operation["summary"], route
        assert "503" in operation["responses"], route
        in_path = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
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
