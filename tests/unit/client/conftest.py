from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from imagesearch_api.app import create_app
from imagesearch_api.openapi.document import document
from imagesearch_client import Client, Patience
from imagesearch_client.command import main
from imagesearch_client.command.root import Sleep
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
def run(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("IMAGESEARCH_URL", "IMAGESEARCH_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def connect(url: str, patience: Patience, api_key: str | None, _: Sleep) -> Client:
        return api.client(url, patience, api_key)

    def invoke(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(main, arguments, obj=connect, **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke
