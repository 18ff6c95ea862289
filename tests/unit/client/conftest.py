from __future__ import annotations

import pytest

from unit.client.fake_api import FakeApi


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()
