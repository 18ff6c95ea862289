from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from imagesearch_api.app import create_app
from imagesearch_api.openapi.document import document
from imagesearch_client import Client
from imagesearch_client.command import main
from imagesearch_client.command.root import Target
from support.api_twin import services_of
from support.fake_api import FakeApi, Run


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    """The OpenAPI document of the API."""
    return document(create_app(services_of()))


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def run(api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    for name in ("IMAGESEARCH_URL", "IMAGESEARCH_API_KEY", "IMAGESEARCH_PROFILE", "IMAGESEARCH_PATIENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def connect(target: Target) -> Client:
        return api.client(target.server, target.patience, target.api_key, target.on_json)

    def invoke(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(main, arguments, obj=connect, **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke
