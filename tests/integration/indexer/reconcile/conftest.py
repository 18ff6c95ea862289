"""What every test of a reconciliation starts from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from imagesearch.messaging.broker import close_celery, create_celery
from imagesearch_indexer.reconcile import lost_batches


@pytest.fixture(autouse=True)
def _look_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing moves between the two looks of these tests."""
    monkeypatch.setattr(lost_batches, "SECOND_LOOK_SECONDS", 0.0)


@pytest.fixture
def app(stores: Any) -> Iterator[Celery]:
    made = create_celery(stores.redis)
    yield made
    close_celery(made)
