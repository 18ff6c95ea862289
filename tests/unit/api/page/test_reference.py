"""The reference shows the description with files that come from here, as Swagger UI has published them."""

from __future__ import annotations

import hashlib
import re

import pytest
from flask.testing import FlaskClient

from imagesearch_api.app import create_app
from imagesearch_api.page.assets import MEDIA_TYPES, REFERENCE, Assets
from support.api_twin import services_of

OF_OTHERS = REFERENCE.parent / "swagger-ui.md"


@pytest.fixture(scope="module")
def browser() -> FlaskClient:
    return create_app(services_of()).test_client()


def test_scripts_come_from_here_alone(browser: FlaskClient) -> None:
    policy = browser.get("/reference").headers["Content-Security-Policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'self'"
    assert "script-src" not in parts
    assert parts["style-src"] == "'self' 'unsafe-inline'"


def test_all_that_the_document_names_is_sent(browser: FlaskClient) -> None:
    named = re.findall(r'(?:src|href)="([^"]+)"', browser.get("/reference").text)
    assert len(named) == 5
    for path in named:
        sent = browser.get(f"/{path}")
        assert sent.status_code == 200, path
        assert sent.cache_control.immutable


def test_every_file_has_a_type_and_those_of_others_are_as_they_were_published() -> None:
    sums = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", OF_OTHERS.read_text(), re.MULTILINE))
    assert len(sums) == 2
    for name, digest in sums.items():
        assert hashlib.sha256((REFERENCE / name).read_bytes()).hexdigest() == digest, name
    assert {path.suffix for path in REFERENCE.iterdir()} <= MEDIA_TYPES.keys()
    assert "Apache License" in Assets.read(REFERENCE).files["swagger-ui-license.txt"].content.decode()
