"""Only the edge of the API knows requests: it names their fields, and it alone imports Flask."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

API = Path(__file__).parents[2] / "services/api/src/imagesearch_api"
EDGE = ("http", "v1.py", "v2", "page", "openapi", "app.py", "health.py", "services.py", "server")
"""What speaks HTTP: `services` finds what the application of the current request holds."""
NAMING = {"BadField", "BadFields", "AtField", "WrongField"}
"""Errors that say the name of a field."""
NAMERS = ("http", "models")
WEB = {"flask", "flask_cors", "werkzeug"}


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the package and the name of each import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module.partition(".")[0], alias.name) for alias in node.names)


def speaks_http(tree: ast.AST) -> set[str]:
    return {package for package, _ in imported(tree)} & WEB


def names_fields(tree: ast.AST) -> set[str]:
    return {name for _, name in imported(tree)} & NAMING


def outside(places: tuple[str, ...]) -> dict[str, ast.AST]:
    """Return the modules of the API that lie in none of these folders and files."""
    files = {str(path.relative_to(API)): path for path in sorted(API.rglob("*.py"))}
    return {name: ast.parse(path.read_text()) for name, path in files.items() if name.split("/")[0] not in places}


def test_nothing_but_the_edge_speaks_http() -> None:
    found = outside(EDGE)
    assert {"search/matches.py", "models/requests/base.py", "composition.py"} <= set(found)
    assert {name: speaks_http(tree) for name, tree in found.items() if speaks_http(tree)} == {}


def test_nothing_but_the_edge_names_a_field() -> None:
    found = outside(NAMERS)
    assert {"search/matches.py", "v1.py", "v2/search.py"} <= set(found)
    assert {name: names_fields(tree) for name, tree in found.items() if names_fields(tree)} == {}


@pytest.mark.parametrize(
    "code", ["from flask import request", "import flask", "from werkzeug.exceptions import RequestEntityTooLarge"]
)
def test_a_module_that_speaks_http_is_found(code: str) -> None:
    assert speaks_http(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "from imagesearch_api.http.fields import AtField, naming_queries",
        "from imagesearch_api.http.fields import BadField as Wrong",
        "from imagesearch_api.models.requests.base import WrongField",
    ],
)
def test_a_module_that_names_a_field_is_found(code: str) -> None:
    assert names_fields(ast.parse(code))
