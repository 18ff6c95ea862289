"""Whoever delivers callbacks goes on whatever one of them has met, and ends when it is closed."""

from __future__ import annotations

from contextlib import closing
from threading import Event
from typing import cast

import pytest

from imagesearch.errors import StoreUnavailable
from imagesearch_indexer.callbacks import courier as module
from imagesearch_indexer.callbacks.courier import Courier
from imagesearch_indexer.callbacks.delivery import Delivery


class Failing:
    """Deliveries of which the first fails."""

    def __init__(self, error: Exception) -> None:
        self._errors = [error]
        self.went_on = Event()

    def deliver_next(self) -> bool:
        if self._errors:
            raise self._errors.pop()
        self.went_on.set()
        return False


@pytest.mark.parametrize(
    "error", [StoreUnavailable("postgres", "away"), RuntimeError("can't start new thread")], ids=["store", "other"]
)
def test_whatever_one_has_met_the_next_is_delivered(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(module, "THREADS", 1)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    delivery = Failing(error)
    courier = Courier(cast(Delivery, delivery), Event())
    with closing(courier):
        courier.start()
        assert delivery.went_on.wait(30)
