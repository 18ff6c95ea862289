from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from imagesearch_client import Client, Patience
from imagesearch_client.command import main
from support.fake_api import FakeApi, Run


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def run(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("IMAGESEARCH_URL", raising=False)

    def connect(url: str, patience: Patience) -> Client:
        return api.client(url, patience)

    def invoke(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(main, arguments, obj=connect, **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke
