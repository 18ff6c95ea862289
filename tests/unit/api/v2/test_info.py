"""Directories in which a job can begin are listed, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from imagesearch.files.roots import Roots
from imagesearch_api.app import create_app
from support.api_twin import services_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "library"
    (root / "birds").mkdir(parents=True)
    return root


@pytest.fixture
def http(root: Path) -> FlaskClient:
    return create_app(services_of(roots=Roots((root,)))).test_client()


def test_without_a_path_the_roots_are_listed(http: FlaskClient, root: Path) -> None:
    assert http.get("/api/v2/directories").get_json() == {
        "path": None,
        "parent": None,
        "items": [{"name": str(root), "path": str(root)}],
        "is_complete": True,
    }


def test_what_lies_in_a_directory_is_listed(http: FlaskClient, root: Path) -> None:
    assert http.get("/api/v2/directories", query_string={"path": str(root)}).get_json() == {
        "path": str(root),
        "parent": None,
        "items": [{"name": "birds", "path": str(root / "birds")}],
        "is_complete": True,
    }


@pytest.mark.parametrize(("path", "status"), [("/etc", 403), ("/", 403), ("{root}/none", 404), ("relative", 403)])
def test_a_directory_that_may_not_be_listed_is_refused_by_name_of_the_field(
    http: FlaskClient, root: Path, path: str, status: int
) -> None:
    refused = http.get("/api/v2/directories", query_string={"path": path.format(root=root)})
    assert refused.status_code == status
    assert refused.get_json()["errors"][0]["field"] == "path"
